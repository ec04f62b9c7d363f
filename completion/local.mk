# Completion of options, where each shell looks for it. Debian's zsh looks elsewhere: debian/rules.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = completion/ktstr-jemalloc-alloc-worker completion/ktstr-jemalloc-probe
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = completion/_ktstr-jemalloc-alloc-worker completion/_ktstr-jemalloc-probe
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = completion/ktstr-jemalloc-alloc-worker.fish completion/ktstr-jemalloc-probe.fish
