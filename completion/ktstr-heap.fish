# SPDX-License-Identifier: BSD-2-Clause
# fish completion for ktstr-heap.

complete -c ktstr-heap -f
complete -c ktstr-heap -n __fish_use_subcommand -a show -d 'Where the memory of processes is'
complete -c ktstr-heap -n __fish_use_subcommand -a help -d 'Show a text'
complete -c ktstr-heap -n __fish_use_subcommand -l version -d 'Show the version and exit'
complete -c ktstr-heap -l help -d 'Show a text and exit'
complete -c ktstr-heap -n '__fish_seen_subcommand_from help' -a show
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -a '(__fish_complete_pids)'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l arenas -d 'A table of the arenas'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l threads -d 'A table of the threads'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l classes -d 'A table of the size classes'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l options -d 'Options in force'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l sort -x -a 'id allocated active dirty retained cached live unused' -d 'Order of the tables'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l top -x -d 'So many rows of each table'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l bytes -d 'Numbers of bytes without units'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l json -d 'Print JSON instead of text'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l watch -x -d 'Read again and again'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l explain -d 'Show how the numbers were found'
complete -c ktstr-heap -n '__fish_seen_subcommand_from show' -l jemalloc -r -F -d 'Which of several jemallocs to read'
