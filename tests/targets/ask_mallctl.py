# SPDX-License-Identifier: BSD-2-Clause
# For gdb's Python: each thread of the stopped process is made to call mallctl, and its answers are printed as
# heap_histories prints them. Then all stay stopped for the command in ASK_MALLCTL_THEN. Run by
# tests/program/probe_real.t.
import os
import subprocess

import gdb

MALLCTL = "((int (*)(const char *, void *, void *, void *, unsigned long)) mallctl)"


def ask(name):
    """What the selected thread's mallctl says. gdb puts the name on the thread's heap, which counts."""
    gdb.execute("set *(unsigned long *) ($sp + 64) = 0")
    gdb.execute("set *(unsigned long *) ($sp + 72) = 8")
    if int(gdb.parse_and_eval(f'{MALLCTL}("{name}", (void *) ($sp + 64), (void *) ($sp + 72), (void *) 0, 0)')):
        raise gdb.GdbError(f"mallctl refuses {name}")
    return int(gdb.parse_and_eval("*(unsigned long *) ($sp + 64)"))


gdb.execute("set scheduler-locking on")
for thread in gdb.selected_inferior().threads():
    thread.switch()
    gdb.selected_frame()
    gdb.execute("set $saved = $sp")
    gdb.execute("set $sp = $sp - 256")  # below the red zone
    deallocated = ask("thread.deallocated")
    allocated = ask("thread.allocated")
    gdb.execute("set $sp = $saved")
    print(f"thread {thread.ptid[1]} {allocated} {deallocated}", flush=True)
subprocess.run(os.environ["ASK_MALLCTL_THEN"], shell=True, check=True)
