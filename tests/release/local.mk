# The arrows of the house, and what a release has to pass besides distcheck. `./bootstrap check-release` installs the tools and runs it all.
EXTRA_DIST += tests/release/check_includes tests/release/reproducible

# Debian's packages, from the tarball: left in build/deb. Needs the clone, where debian/ is.
deb: dist
	$(srcdir)/tests/release/build $(distdir).tar.xz deb
# What lintian and autopkgtest say of them, and what they leave behind. As root.
check-deb: deb
	$(srcdir)/tests/release/check deb

# Two builds of the tarball that differ in all that should not matter.
check-reproducible: dist
	$(srcdir)/tests/release/reproducible $(distdir).tar.xz

# README's two commands in a fresh root of Debian. As root, where mmdebstrap is installed.
check-bare:
	$(srcdir)/tests/release/bare

# One after the other: a failure is then the last thing that is printed.
check-release:
	$(MAKE) lint
	$(MAKE) check-pins
	$(MAKE) coverage
	$(MAKE) check-abi
	! command -v aarch64-linux-gnu-gcc >/dev/null || $(MAKE) check-abi GUEST_ARCH=aarch64
	$(MAKE) check-reproducible
	$(MAKE) check-deb
.PHONY: deb check-deb check-reproducible check-bare check-release
