# SPDX-License-Identifier: BSD-2-Clause
# fish completion for ktstr-jemalloc-probe.

complete -c ktstr-jemalloc-probe -f -a '(__fish_complete_pids)'
complete -c ktstr-jemalloc-probe -s p -l pid -x -a '(__fish_complete_pids)' -d 'The process to read'
complete -c ktstr-jemalloc-probe -l json -d 'Print one JSON document instead of text'
complete -c ktstr-jemalloc-probe -l jsonl -d 'Print one JSON document for each snapshot'
complete -c ktstr-jemalloc-probe -l snapshots -x -d 'Read so many times'
complete -c ktstr-jemalloc-probe -l interval-ms -x -d 'Time from one snapshot to the next'
complete -c ktstr-jemalloc-probe -l abort-after-ms -x -d 'End early after this time'
complete -c ktstr-jemalloc-probe -l sort -x -a 'tid name allocated deallocated flow' -d 'Order of the text'
complete -c ktstr-jemalloc-probe -l explain -d 'Show how the numbers were found'
complete -c ktstr-jemalloc-probe -l no-names -d 'Leave out names and start times'
complete -c ktstr-jemalloc-probe -l jemalloc -r -F -d 'Which of several jemallocs to read'
complete -c ktstr-jemalloc-probe -l thread-pointer -x -a 'auto robust-list ptrace' -d 'How thread pointers are found'
complete -c ktstr-jemalloc-probe -l debuginfo -x -a 'auto off' -d 'Where debug information comes from'
complete -c ktstr-jemalloc-probe -l no-isolation -d 'Read files in this process, to debug'
complete -c ktstr-jemalloc-probe -l help -d 'Show a text and exit'
complete -c ktstr-jemalloc-probe -l version -d 'Show the version and exit'
