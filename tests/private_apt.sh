# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# apt with lists and archives of its own: no root is needed, and the system learns nothing of it. apt checks
# signatures and sums. Sourced by tests/guest/fetch and tests/targets/fetch_suite.

# $1: a directory that stays; $2: one that is removed; $3: an architecture, as Debian calls it; $4: the line of a
# source, "" for this machine's sources.
private_apt() {
	mkdir -p "$1/apt/lists/partial" "$1/apt/archives/partial" "$2/packages"
	: >"$2/status"
	cat >"$2/apt.conf" <<EOT
APT::Architecture "$3";
#clear APT::Architectures;
APT::Architectures { "$3"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State "$1/apt";
Dir::State::lists "$1/apt/lists";
Dir::State::status "$2/status";
Dir::Cache "$1/apt";
EOT
	if [ -n "$4" ]; then
		printf '%s\n' "$4" >"$2/sources.list"
		printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "-";\n' "$2/sources.list" >>"$2/apt.conf"
	fi
	export APT_CONFIG="$2/apt.conf"
	apt-get -q update >&2
}

# $1: the directory that is removed, the rest: packages, whose files go below its root/. Fails with 1.
private_unpack() {
	unpack_below=$1
	shift
	(cd "$unpack_below/packages" && apt-get -q download "$@" >&2) || return 1
	mkdir -p "$unpack_below/root"
	for deb in "$unpack_below"/packages/*.deb; do
		dpkg-deb -x "$deb" "$unpack_below/root" || return 1
		rm "$deb"
	done
}
