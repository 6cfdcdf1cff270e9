"""System call sites: found by one traced run, and hit by another, both with strace.

A site is the nth call of one kind that a thread makes. Only those on the paths of a spool or a store, or on the line to
a store or an API, count. strace counts each thread's calls apart and strikes at the first thread that comes so far.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_WRITING = (
    "openat", "write", "pwrite64", "ftruncate", "mkdir", "mkdirat", "fsync", "fdatasync",
    "rename", "renameat", "link", "linkat",
)  # fmt: skip
_REMOVING = ("unlink", "unlinkat")
_READING = ("read", "pread64", "getdents64")

ON_FILES = (*_WRITING, *_REMOVING, *_READING, "flock", "utimensat")

FAILING = {"EIO": (*_WRITING, *_REMOVING, *_READING), "ENOSPC": _WRITING}
"""Which calls a failing disk, and a full one, refuse."""

ON_LINES = ("connect", "sendto", "recvfrom", "writev", "sendmsg", "recvmsg")

ELSEWHERE = "elsewhere"
"""The place of a call that was struck beside the spool, the store and the lines: another thread came so far first."""

_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
_QUOTED_OR_OPEN = re.compile(r'"(/[^"]*)"|<(/[^>]*)>')
_LINE = re.compile(r"->127\.0\.0\.1:(\d+)\]|sin_port=htons\((\d+)\)")


@dataclass(frozen=True, slots=True)
class Site:
    """The ``nth`` call of ``call`` in some thread; ``place`` is what it works on."""

    call: str
    nth: int
    place: str

    def __str__(self) -> str:
        return f"{self.call} #{self.nth} ({self.place})"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What counts: paths below folders, and connections to ports of this machine, each with its name."""

    folders: Sequence[tuple[Path, str]]
    ports: Sequence[tuple[int, str]] = ()

    def place(self, call: str, rest: str) -> str | None:
        """The name of the place that a call's arguments tell of; None where it does not count."""
        if call in ON_LINES:
            return next((name for port in _ports(rest) for known, name in self.ports if port == known), None)
        for quoted, opened in _QUOTED_OR_OPEN.findall(rest):
            path = Path(quoted or opened)
            for folder, name in self.folders:
                if path.is_relative_to(folder):
                    return name
        return None


def _ports(rest: str) -> list[int]:
    return [int(one or other) for one, other in _LINE.findall(rest)]


def sites(trace: str, grounds: Grounds) -> list[Site]:
    """The sites of a traced run, in their order; each stands for the first call that gets so far in its thread."""
    counts: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, int], Site | None] = {}
    for line in trace.splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        thread, call, rest = match.groups()
        nth = counts[thread, call] = counts.get((thread, call), 0) + 1
        if (call, nth) not in found:
            place = grounds.place(call, rest)
            found[call, nth] = None if place is None else Site(call, nth, place)
    return [site for site in found.values() if site is not None]


def struck(trace: str, site: Site, grounds: Grounds) -> Site | None:
    """Where a run that was to be struck at `site` really was: None where it never got so far."""
    counts: dict[str, int] = {}
    for line in trace.splitlines():
        match = _CALL.match(line)
        if match is None or match.group(2) != site.call:
            continue
        thread, call, rest = match.groups()
        counts[thread] = counts.get(thread, 0) + 1
        if counts[thread] == site.nth:
            return Site(call, site.nth, grounds.place(call, rest) or ELSEWHERE)
    return None


def tracing(log: Path, calls: Collection[str]) -> list[str]:
    """The command that runs another and writes down its `calls`."""
    # A question mark: not every machine has every one of them.
    return [*_strace(log), "-e", f"trace={','.join(f'?{call}' for call in calls)}"]


def striking(log: Path, site: Site, how: str) -> list[str]:
    """The command that runs another and strikes it at `site`: `how` is ``signal=KILL`` or ``error=EIO``."""
    # With its filter strace is faster, but does not send signals then.
    faster = [] if how.startswith("signal") else ["--seccomp-bpf"]
    return [
        *_strace(log), *faster, "-e", f"trace={site.call}", "-e", f"inject={site.call}:{how}:when={site.nth}"
    ]  # fmt: skip


def _strace(log: Path) -> list[str]:
    return ["strace", "-f", "-yy", "-s", "0", "-e", "signal=none", "-o", str(log)]


def obstacle(scratch: Path) -> str | None:
    """Why strace cannot be used here; None where it can."""
    try:
        trial = ["strace", "-o", str(scratch / "trial"), "true"]
        done = subprocess.run(trial, check=False, capture_output=True, text=True)
    except OSError:
        return "strace is not installed"
    return f"strace may not trace here: {done.stderr.strip()}" if done.returncode else None


T = TypeVar("T")


def evenly(found: Sequence[T], count: int) -> list[T]:
    """`count` of them at even distances; all of them, again from the first, where there are fewer."""
    if count >= len(found):
        return [found[number % len(found)] for number in range(count)] if found else []
    return [found[number * len(found) // count] for number in range(count)]
