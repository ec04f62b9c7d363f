# Completion of options in bash, where bash-completion looks for it.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = completion/ktstr-jemalloc-alloc-worker completion/ktstr-jemalloc-probe
