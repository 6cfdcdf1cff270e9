"""What a power loss leaves on a disk: every step that changed it is written down, and replayed in part.

The model is as strict as POSIX allows, and stricter than any file system in use. Of a file only what was
synced is sure to be there: the rest may be missing, cut, or zeros. Of a folder only the names that were
synced are: each later change of a name may be there or not, whatever became of the changes around it.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from coleta.adapters.disk_calls import DiskCalls

FOLDER = -1
"""Stands for a folder where a name stands for the number of a file."""

MOST_STATES_OF_A_STEP = 16
"""Where there would be more, so many are drawn, besides those in which one doubt alone went one way."""

LAST_FEW = 6
"""So many of the names that changed last and are not synced are old or new in any mix; those before, all together."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the disk: what was done to the name ``path``, or to the file ``file``."""

    done: Literal["make_folder", "create", "write", "save", "stamp", "sync", "rename", "link", "unlink", "sync_folder"]
    path: str = ""
    file: int = 0
    data: bytes = b""
    other: str = ""
    at_ns: int = 0

    def told(self) -> str:
        """The step in words."""
        return " ".join(filter(None, (self.done, self.path or f"file {self.file}", self.other)))


@dataclass(frozen=True, slots=True)
class RecordedDisk(DiskCalls):
    """The disk below ``root``, on which each step is done, but for syncs, and written down in ``steps``."""

    root: Path = field(kw_only=True)
    steps: list[Step] = field(kw_only=True, default_factory=list)
    _open: dict[int, int] = field(init=False, default_factory=dict)
    _foreign: dict[str, int] = field(init=False, default_factory=dict)
    _files: Iterator[int] = field(init=False, default_factory=itertools.count)

    def make_folder(self, path: Path, *, mode: int = 0o777) -> None:
        """See ``DiskCalls``."""
        path.mkdir(mode=mode)
        self.steps.append(Step("make_folder", self._at(path)))

    def create(self, path: Path, *, mode: int) -> int:
        """See ``DiskCalls``."""
        fd = DiskCalls.create(self, path, mode=mode)
        self._open[fd] = next(self._files)
        self.steps.append(Step("create", self._at(path), file=self._open[fd]))
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> None:
        """See ``DiskCalls``."""
        DiskCalls.write(self, fd, data)
        self.steps.append(Step("write", file=self._open[fd], data=bytes(data)))

    def stamp(self, fd: int, *, at_ns: int) -> None:
        """See ``DiskCalls``."""
        DiskCalls.stamp(self, fd, at_ns=at_ns)
        self.steps.append(Step("stamp", file=self._open[fd], at_ns=at_ns))

    def sync(self, fd: int) -> None:
        """See ``DiskCalls``."""
        self.steps.append(Step("sync", file=self._open[fd]))

    def close(self, fd: int) -> None:
        """See ``DiskCalls``."""
        DiskCalls.close(self, fd)
        del self._open[fd]

    def rename(self, old: Path, new: Path) -> None:
        """See ``DiskCalls``."""
        DiskCalls.rename(self, old, new)
        self.steps.append(Step("rename", self._at(old), other=self._at(new)))

    def link(self, old: Path, new: Path) -> None:
        """See ``DiskCalls``."""
        DiskCalls.link(self, old, new)
        self.steps.append(Step("link", self._at(old), other=self._at(new)))

    def unlink(self, path: Path) -> None:
        """See ``DiskCalls``."""
        DiskCalls.unlink(self, path)
        self.steps.append(Step("unlink", self._at(path)))

    def sync_folder(self, path: Path) -> None:
        """See ``DiskCalls``."""
        self.steps.append(Step("sync_folder", self._at(path)))

    def saw(self, path: Path, known: bytes | None, *, durable: bool) -> bytes | None:
        """Write down what somebody else, SQLite, has done to the file at `path` since its bytes were `known`."""
        found = path.read_bytes() if path.exists() else None
        if found is None or found == known:
            return found
        at = self._at(path)
        if known is None:
            self._foreign[at] = next(self._files)
            self.steps.append(Step("create", at, file=self._foreign[at]))
        number = self._foreign[at]
        if durable:
            self.steps.append(Step("save", file=number, data=found))
        elif found.startswith(known or b""):
            self.steps.append(Step("write", file=number, data=found[len(known or b"") :]))
        else:
            raise ValueError(f"{at} was not only appended to")
        return found

    def _at(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


@dataclass(slots=True)
class _File:
    synced: bytes = b""
    rest: bytes = b""
    at_ns: int | None = None

    def fates(self) -> list[bytes]:
        """What may be in it after a power loss: all of it last."""
        if not self.rest:
            return [self.synced]
        half = self.rest[: len(self.rest) // 2]
        rests = dict.fromkeys((b"", half, bytes(len(self.rest)), half + bytes(len(self.rest) - len(half)), self.rest))
        return [self.synced + rest for rest in rests]


@dataclass(frozen=True, slots=True)
class Remains:
    """What a power loss left: folders, and files with their bytes and their time of change."""

    folders: tuple[str, ...]
    files: Mapping[str, tuple[bytes, int | None]]

    def lay_out(self, root: Path) -> None:
        """Make it so below the empty folder `root`."""
        for folder in self.folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name, (body, at_ns) in self.files.items():
            (root / name).write_bytes(body)
            if at_ns is not None:
                os.utime(root / name, ns=(at_ns, at_ns))

    def key(self) -> tuple[object, ...]:
        """What tells two of them apart."""
        return self.folders, tuple(sorted((name, *rest) for name, rest in self.files.items()))


class TornDisk:
    """The steps so far, and what would be left of them."""

    def __init__(self, folders: Sequence[str] = ()) -> None:
        """Begin with `folders`, which are durable."""
        self._durable: dict[str, int | None] = dict.fromkeys(folders, FOLDER)
        self._pending: dict[str, list[int | None]] = {}
        self._files: dict[int, _File] = {}

    def apply(self, step: Step) -> None:
        """Take one more step."""
        match step.done:
            case "make_folder":
                self._name(step.path, FOLDER)
            case "create":
                self._files[step.file] = _File()
                self._name(step.path, step.file)
            case "write":
                self._files[step.file].rest += step.data
            case "save":
                self._files[step.file] = _File(step.data)
            case "stamp":
                self._files[step.file].at_ns = step.at_ns
            case "sync":
                file = self._files[step.file]
                file.synced, file.rest = file.synced + file.rest, b""
            case "rename":
                self._name(step.other, self._now(step.path))
                self._name(step.path, None)
            case "link":
                self._name(step.other, self._now(step.path))
            case "unlink":
                self._name(step.path, None)
            case "sync_folder":
                folder = "" if step.path == "." else step.path
                for path in [path for path in self._pending if path.rpartition("/")[0] == folder]:
                    self._durable[path] = self._pending.pop(path)[-1]

    def _name(self, path: str, value: int | None) -> None:
        self._pending[path] = [*self._pending.pop(path, ()), value]  # at the end: it changed last

    def _now(self, path: str) -> int | None:
        return self._pending[path][-1] if path in self._pending else self._durable.get(path)

    def states(self, random: Random) -> Iterator[Remains]:
        """What a power loss at this step may leave: every state if they are few, else some, drawn by `random`."""
        names = list(self._pending)
        before, last = names[:-LAST_FEW], names[-LAST_FEW:]
        torn = [number for number, file in self._files.items() if file.rest]
        fates: list[Sequence[Mapping[str, int | None]]] = [
            [{name: self._durable.get(name) for name in before}, {name: self._now(name) for name in before}],
            *([{name: value} for value in self._fates(name)] for name in last),
        ]
        bodies = [[{number: body} for body in self._files[number].fates()] for number in torn]
        for chosen in _choices([len(axis) for axis in (*fates, *bodies)], random):
            kept = dict(self._durable)
            for names_axis, at in zip(fates, chosen, strict=False):
                kept |= names_axis[at]
            found: dict[int, bytes] = {}
            for bodies_axis, at in zip(bodies, chosen[len(fates) :], strict=True):
                found |= bodies_axis[at]
            yield self._remains(kept, found)

    def _fates(self, name: str) -> list[int | None]:
        return list(dict.fromkeys((self._durable.get(name), *self._pending[name])))

    def _remains(self, names: Mapping[str, int | None], bodies: Mapping[int, bytes]) -> Remains:
        there = {name: what for name, what in names.items() if what is not None}

        def reached(name: str) -> bool:
            above = name.rpartition("/")[0]
            return not above or (there.get(above) == FOLDER and reached(above))

        kept = {name: what for name, what in sorted(there.items()) if reached(name)}
        files = {
            name: (bodies.get(what, self._files[what].synced), self._files[what].at_ns)
            for name, what in kept.items()
            if what != FOLDER
        }
        return Remains(tuple(name for name, what in kept.items() if what == FOLDER), files)


def _choices(axes: Sequence[int], random: Random) -> Iterator[tuple[int, ...]]:
    """One place on each of `axes`: all combinations if they are few, else the corners and some drawn ones."""
    if math.prod(axes) <= MOST_STATES_OF_A_STEP:
        yield from itertools.product(*(range(length) for length in axes))
        return
    oldest, newest = tuple(0 for _ in axes), tuple(length - 1 for length in axes)
    yield oldest
    yield newest
    for at, length in enumerate(axes):
        for place in range(length):
            yield (*newest[:at], place, *newest[at + 1 :])
        yield (*oldest[:at], newest[at], *oldest[at + 1 :])
    for _ in range(MOST_STATES_OF_A_STEP):
        yield tuple(random.randrange(length) for length in axes)
