"""The way in for a process of its own: `coleta`, and `python -m coleta`. Not for programs that import Coleta."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and end the process with its exit status."""
    # Starting makes some hundred thousand objects that all stay: looking for garbage among them takes a tenth
    # of a short command's time. Afterwards they are left out of the search, and it is made less often: what
    # is collected is freed by its own count of references, as decoded records are.
    gc.disable()
    from coleta.wiring import main as run

    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
    status = run()
    # All is done, closed and flushed. Taking native libraries down has nothing to add but time, and now and then an
    # abort of one whose threads are still there: a command that has succeeded must not end as one that crashed.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
