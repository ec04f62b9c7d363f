# Examples, installed as sources; tests/program/examples.t builds them against an installed copy and runs them.
exampledir = $(docdir)/examples
dist_example_DATA = examples/guest_test.c examples/harness.c examples/raii.cc examples/wait_ready.py
