"""The way into the simulation: random worlds by their seeds, every single fault at every call, every power loss.

python -m coleta.testing.simulator --seed 7            one seed, as a failing test prints it
python -m coleta.testing.simulator --seeds 1000000     as many as one has time for, on all cores; Ctrl-C ends it,
                                                       and it says how to go on from there another time
python -m coleta.testing.simulator --only table --seeds 500      only worlds with a table
python -m coleta.testing.simulator --every-fault       each fault at each call, one a world
python -m coleta.testing.simulator --power-loss        each state that a power loss may leave on a disk
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import Pool
from typing import get_args

from coleta.testing.setting import Only
from coleta.testing.worlds import Case, EveryFault, PowerLoss, Seeds, Tried, try_case

CHUNK = 20
"""So many worlds go to a process at once: half a second's work."""

TELL_EVERY_S = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run worlds and say which break the promise; 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m coleta.testing.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to run")
    parser.add_argument("--only", choices=get_args(Only), help="only worlds that have it")
    parser.add_argument("--every-fault", action="store_true", help="run each fault at each call instead")
    parser.add_argument("--power-loss", action="store_true", help="lose power at each step on a disk instead")
    parser.add_argument("--case", type=int, help="only that one of the faults, or of the power losses")
    parser.add_argument("--one-in", type=int, default=1, help="only every so manieth of them")
    parser.add_argument("--first", action="store_true", help="stop at the first world that breaks the promise")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes work at once")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing new after so long")
    chosen = parser.parse_args(arguments)
    what = EveryFault() if chosen.every_fault else PowerLoss() if chosen.power_loss else Seeds(chosen.only)
    if isinstance(what, Seeds):
        numbers = range(chosen.seed, chosen.seed + chosen.seeds)
    elif chosen.case is not None:
        numbers = range(chosen.case, chosen.case + 1)
    else:
        numbers = range(0, what.count(), chosen.one_in)
    return _run(what, numbers, jobs=chosen.jobs, until_s=chosen.minutes * 60, first=chosen.first)


def _run(what: Case, numbers: range, *, jobs: int, until_s: float, first: bool) -> int:
    began = told = time.monotonic()
    count, broken = 0, list[str]()
    with _mapped(what, numbers, jobs) as worlds:
        try:
            for tried in worlds:
                count += 1
                now = time.monotonic()
                if tried.faults:
                    broken.append(tried.again)
                    _say(reproduction(tried))
                    if first:
                        break
                if now - told > TELL_EVERY_S:
                    told = now
                    _say(f"{count} of {len(numbers)} worlds, {len(broken)} broken, {now - began:.0f} s")
                if now - began > until_s:
                    break
        except KeyboardInterrupt:
            _say("")
    took_s = time.monotonic() - began
    left = "" if count == len(numbers) else f" of {len(numbers)}"
    _say(f"{count}{left} worlds ({what.words(numbers[:count] or numbers)}), {len(broken)} broken, in {took_s:.0f} s")
    if broken:
        _say(f"broken: {', '.join(broken[:20])}{' and more' if len(broken) > 20 else ''}")
    if left and (onward := what.onward(numbers[count:])):
        _say(f"to go on where this ended: {onward}")
    return 1 if broken else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _mapped(what: Case, numbers: range, jobs: int) -> Iterator[Iterator[Tried]]:
    _prepare()
    if jobs < 2 or len(numbers) <= CHUNK:
        yield map(partial(try_case, what), numbers)
        return
    with Pool(jobs, _prepare_worker) as pool:
        yield pool.imap(partial(try_case, what), numbers, chunksize=CHUNK)


def _prepare() -> None:
    # A world is a few thousand short-lived objects, and looking for cycles among them so often finds few.
    gc.set_threshold(100_000, 50, 50)


def _prepare_worker() -> None:
    _prepare()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; the parent ends the workers


def reproduction(tried: Tried) -> str:
    """What a broken world leaves: its faults, and the line that shows them again."""
    return f"{'; '.join(tried.faults[:5])}\n    python -m coleta.testing.simulator {tried.again}"


if __name__ == "__main__":
    sys.exit(main())
