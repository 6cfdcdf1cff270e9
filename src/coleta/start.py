"""The way in for a process of its own: `coleta`, and `python -m coleta`. Not for programs that import Coleta."""

from __future__ import annotations

import gc


def main() -> int:
    """Run the command line; the exit status."""
    # Starting makes some hundred thousand objects that all stay: looking for garbage among them takes a tenth
    # of a short command's time. Afterwards they are left out of the search, and it is made less often: what
    # is collected is freed by its own count of references, as decoded records are.
    gc.disable()
    from coleta.wiring import main as run

    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
    return run()
