# `make check-pins': each literal of the wire contract is changed in a copy of the tree; some test has to fail.
# PINS=render_text tries only the rows that match.
EXTRA_DIST += tests/pins/check
check-pins: distdir
	$(PERL) $(srcdir)/tests/pins/check '$(abs_builddir)/$(distdir)' '$(abs_builddir)/pins' '$(PINS)'
	rm -rf '$(distdir)'
clean-local: clean-pins
clean-pins:
	rm -rf pins
.PHONY: check-pins clean-pins
