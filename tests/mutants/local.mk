# `make check-mutants': each guard of the table is taken out of a copy of the tree; some test has to fail.
# MUTANTS=session/identity tries only the rows that match, MUTANTS=12 that one.
EXTRA_DIST += tests/mutants/Mutation.pm tests/mutants/check tests/mutants/table
check-mutants: distdir
	CC='$(CC)' KTSTR_UNIT_TESTS='$(unit_tests) $(probe_unit_tests)' \
		$(PERL) $(srcdir)/tests/mutants/check '$(abs_builddir)/$(distdir)' '$(abs_builddir)/mutants' '$(MUTANTS)'
	rm -rf '$(distdir)'
clean-local: clean-mutants
clean-mutants:
	rm -rf mutants
.PHONY: check-mutants clean-mutants
