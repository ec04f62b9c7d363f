#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Waits for a worker from Python, with ctypes and nothing else.

    python3 wait_ready.py [WORKER]

Python starts the worker itself; libktstr waits for its marker by the worker's pid.
"""
import ctypes
import subprocess
import sys

libktstr = ctypes.CDLL("libktstr.so.0")


class Error(ctypes.Structure):
    """struct ktstr_error of <ktstr/error.h>"""
    _fields_ = [("code", ctypes.c_int), ("tag", ctypes.c_int), ("step", ctypes.c_char * 48),
                ("text", ctypes.c_char * 1024), ("reserved", ctypes.c_uint64 * 8)]


RESULT_SIZE = 16384  # more than struct ktstr_worker_ready_result has; its first member is all we read
READY = 0            # KTSTR_WORKER_READY

libktstr.ktstr_worker_ready_outcome_name.restype = ctypes.c_char_p


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "ktstr-jemalloc-alloc-worker"
    error = Error()
    result = ctypes.create_string_buffer(RESULT_SIZE)
    with subprocess.Popen([program, "16777216"], stdout=subprocess.DEVNULL) as worker:
        try:
            rc = libktstr.ktstr_worker_ready_wait_pid(worker.pid, b"worker", 10000, result,
                                                      ctypes.byref(error))
            if rc:
                sys.exit("wait_ready: " + error.text.decode(errors="replace"))
            outcome = ctypes.cast(result, ctypes.POINTER(ctypes.c_int))[0]
            print("process", worker.pid, "is",
                  libktstr.ktstr_worker_ready_outcome_name(outcome).decode())
        finally:
            worker.kill()
            worker.wait()
            libktstr.ktstr_worker_ready_marker_remove(result, None)
    sys.exit(0 if outcome == READY else 1)


if __name__ == "__main__":
    main()
