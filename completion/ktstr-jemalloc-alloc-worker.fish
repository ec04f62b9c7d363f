# SPDX-License-Identifier: BSD-2-Clause
# fish completion for ktstr-jemalloc-alloc-worker.

complete -c ktstr-jemalloc-alloc-worker -f
complete -c ktstr-jemalloc-alloc-worker -l churn -d 'Start and end threads until killed'
complete -c ktstr-jemalloc-alloc-worker -l help -d 'Show a text and exit'
complete -c ktstr-jemalloc-alloc-worker -l version -d 'Show the version and exit'
