# ruff: noqa: E501 - a change is shown as it stands in the code
"""Breakages of the protocol, each of which the simulation must find: a harness counts only if these die.

A mutant is the production code with one place changed. It runs in a process of its own, on a copy.

    python tests/simulation/mutants.py            all of them, as a table
    python tests/simulation/mutants.py NAME ...   some of them
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

HUNTS: tuple[tuple[str, ...], ...] = (("--seeds", "150"), ("--every-fault",), ("--seed", "150", "--seeds", "1500"))
"""How a mutant is hunted, cheapest first; it is killed by the first hunt that finds a broken world."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: in `file`, `old` (which stands there exactly once) becomes `new`."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "exists_is_mine",
        "runtime/putting.py",
        "if isinstance(store.create(name, body, sha256=sha256), Created):\n                return Committed",
        "if store.create(name, body, sha256=sha256):\n                return Committed",
    ),
    Mutant(
        "doubt_is_success",
        "runtime/putting.py",
        "            pass  # a lost response makes our own success look like a conflict: only the name tells",
        "            return Committed(name, record, record_digest(encode_record(record)))",
    ),
    Mutant(
        "anothers_is_mine",
        "runtime/lander.py",
        "if committed.record.nonce != composed.record.nonce:",
        "if committed.record.seq != composed.record.seq:",
    ),
    Mutant(
        "released_before_commit",
        "runtime/lander.py",
        "        _put_notes(station, batch, composed.quarantine, memory.terms)\n",
        "        _put_notes(station, batch, composed.quarantine, memory.terms)\n"
        "        station.spool.release([member.entry for member in batch.members])\n",
    ),
    Mutant(
        "never_released_by_id",
        "land/commit.py",
        "        elif entry.trailer.answer in landed:\n            let_go.append(entry)\n",
        "",
    ),
    Mutant(
        "gap_replaces_answer",
        "land/commit.py",
        "OpenGap(gap, settled.uncovered(gap.tick)) for gap in gaps",
        "OpenGap(gap, (gap.tick,)) for gap in gaps",
    ),
    Mutant(
        "coverage_not_checked",
        "land/commit.py",
        "        elif _is_superseded(entry, head, links):\n            superseded.append(entry)\n",
        "",
    ),
    Mutant(
        "start_not_cut_to_what_is_open",
        "land/commit.py",
        "() if tick.empty else head.answered.uncovered(tick)",
        "(tick,)",
    ),
    Mutant(
        "superseded_not_kept",
        "runtime/lander.py",
        "    put_note(station.store, name, whole)\n",
        "",
    ),
    Mutant(
        "superseded_released_first",
        "runtime/lander.py",
        "    put_note(station.store, name, whole)\n    station.spool.release([entry])\n",
        "    station.spool.release([entry])\n    put_note(station.store, name, whole)\n",
    ),
    Mutant(
        "quarantine_after_commit",
        "runtime/lander.py",
        "    for one in quarantine:\n        put_note(station.store, one.file.path, one.body)\n",
        "",
    ),
    Mutant(
        "note_not_read_back",
        "runtime/putting.py",
        "        if store.size(name) is not None:\n            return\n",
        "        return\n",
    ),
    Mutant(
        "no_turns",
        "runtime/lander.py",
        "        if plea is not None or folder_date(head.next) != batch.day:\n",
        "        if plea is not None:\n",
    ),
    Mutant(
        "log_not_followed",
        "runtime/log.py",
        "    if not head.seq:\n        head = _leap(store, index, head)\n",
        "    if head.seq:\n        return head\n",
    ),
    Mutant(
        "gap_beats_answer",
        "land/commit.py",
        "    if not head.answered.overlaps(tick):\n        return False\n    whole = head.answered.covers(tick)\n",
        "    if not head.settled.overlaps(tick):\n        return False\n    whole = head.settled.covers(tick)\n",
    ),
    Mutant(
        "turn_to_the_same_folder",
        "land/compose.py",
        "record = _record(first, head, author, next_name=object_name(batch.day, head.seq + 2))\n"
        '        return replace(record, kind="turn"',
        'record = _record(first, head, author, next_name=head.next.replace(f"{head.seq + 1:09d}", f"{head.seq + 2:09d}"))\n'
        '        return replace(record, kind="turn"',
    ),
    Mutant(
        "answer_named_by_its_body",
        "collect/carry.py",
        'parts = (parent or "", format_instant(tick.start), format_instant(tick.end), response_digest)',
        'parts = ("", "", "", response_digest)',
    ),
    Mutant(
        "missed_ticks_not_written_down",
        "runtime/collector.py",
        "            self._write_down(plan.missed, MISSED, MISSED_DETAIL)\n",
        "",
    ),
    Mutant(
        "spooled_ticks_asked_again",
        "runtime/due.py",
        "    covered = head.settled.union(spooled)\n",
        "    covered = head.settled\n",
    ),
    Mutant(
        "identity_not_create_only",
        "runtime/opening.py",
        "            if isinstance(store.create(IDENTITY_NAME, body, sha256=hashlib.sha256(body).hexdigest()), Created):\n"
        "                return mine\n",
        "            store.create(IDENTITY_NAME, body, sha256=hashlib.sha256(body).hexdigest())\n            return mine\n",
    ),
)


def hunt(mutant: Mutant) -> str | None:
    """How `mutant` was found, or None if it survives every hunt."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / "coleta" / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            raise ValueError(f"mutant {mutant.name}: its place stands {text.count(mutant.old)} times in {mutant.file}")
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        for words in HUNTS:
            command = [sys.executable, "-m", "coleta.testing.simulator", "--first", "--jobs", "1", *words]
            done = subprocess.run(
                command, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
            )
            if done.returncode:
                shown = (done.stdout.strip() or done.stderr.strip()).splitlines()
                return f"{' '.join(words)}: {(shown[0] if done.stdout.strip() else shown[-1])[:90]}"
    return None


def main(names: Sequence[str]) -> int:
    """Hunt the mutants called `names`, or all; 1 if any survives."""
    survivors = 0
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, found in zip(chosen, pool.map(hunt, chosen), strict=True):
            survivors += found is None
            sys.stdout.write(f"{'SURVIVES' if found is None else 'killed  '}  {mutant.name:34} {found or ''}\n")
            sys.stdout.flush()
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
