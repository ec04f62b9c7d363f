# Completion of options, where each shell looks for it. Debian's zsh looks elsewhere: debian/rules.
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA =
zshcompletiondir = $(datadir)/zsh/site-functions
zshcompletion_DATA =
fishcompletiondir = $(datadir)/fish/vendor_completions.d
fishcompletion_DATA =
worker_completions = completion/ktstr-jemalloc-alloc-worker completion/_ktstr-jemalloc-alloc-worker \
	completion/ktstr-jemalloc-alloc-worker.fish
probe_completions = completion/ktstr-jemalloc-probe completion/_ktstr-jemalloc-probe completion/ktstr-jemalloc-probe.fish
heap_completions = completion/ktstr-heap completion/_ktstr-heap completion/ktstr-heap.fish
EXTRA_DIST += $(worker_completions) $(probe_completions) $(heap_completions)
if BUILD_WORKER
bashcompletion_DATA += completion/ktstr-jemalloc-alloc-worker
zshcompletion_DATA += completion/_ktstr-jemalloc-alloc-worker
fishcompletion_DATA += completion/ktstr-jemalloc-alloc-worker.fish
endif
if BUILD_PROBE
bashcompletion_DATA += completion/ktstr-jemalloc-probe completion/ktstr-heap
zshcompletion_DATA += completion/_ktstr-jemalloc-probe completion/_ktstr-heap
fishcompletion_DATA += completion/ktstr-jemalloc-probe.fish completion/ktstr-heap.fish
endif
