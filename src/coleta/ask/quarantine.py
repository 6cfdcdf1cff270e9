"""A stream's quarantine, read from exactly the files that its records name. Read-only; takes no lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from coleta.collect.tick import parse_tick_name
from coleta.errors import Corrupt
from coleta.land.jail import settled_files
from coleta.land.quarantine import kept_records, unpacked

if TYPE_CHECKING:
    from coleta.land.commit import Committed
    from coleta.land.record import Account, QuarantineFile
    from coleta.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that broke the contract, or a whole page that is no data (then ``row`` and ``path`` are None).

    ``row`` is its place in the answer from 0, ``path`` the field, ``reason`` a word of
    docs/reference/contract.md, ``raw`` the very bytes that came. ``file`` is the name below the stream's path.
    """

    tick: datetime
    row: int | None
    path: str | None
    reason: str
    detail: str | None
    raw: bytes
    file: str


def files_named(
    commits: Iterable[Committed], *, tick: datetime | None = None, reason: str | None = None
) -> Iterator[tuple[Committed, Account, QuarantineFile]]:
    """The open quarantine files that `commits` name, each with its commit and its answer's account, oldest first.

    A file that a later commit takes up, or gives up, is open no more. Only those of the tick that ends at `tick`, or
    with something for `reason` in them, if these are given.
    """
    known = list(commits)
    settled = settled_files(known)
    for committed in known:
        accounts = {account.answer: account for account in committed.record.accounts}
        for file in committed.record.quarantine:
            if file.path in settled:
                continue
            account = accounts[file.answer]
            if tick in (None, account.tick.end) and (reason is None or reason in file.reasons):
                yield committed, account, file


def read_quarantine(
    store: ObjectStore, commits: Iterable[Committed], *, tick: datetime | None = None, reason: str | None = None
) -> Iterator[Rejected]:
    """What `commits` have put into the quarantine, oldest first; one file is in memory at a time.

    Only what came with `tick`, or was refused for `reason`, if these are given: other files are not read.

    Raises:
        StoreUnavailable: the store does not answer.
        Corrupt: a file is missing or damaged.

    """
    for _, account, file in files_named(commits, tick=tick, reason=reason):
        yield from (one for one in read_file(store, account, file) if reason in (None, one.reason))


def read_file(store: ObjectStore, account: Account, file: QuarantineFile) -> Iterator[Rejected]:
    """What stands in `file`, which holds something of the answer of `account`.

    Raises:
        StoreUnavailable, Corrupt: as ``read_quarantine``.

    """
    body = unpacked(store.read(file.path), file)
    if file.holds == "page":
        (why,) = file.reasons or {"": 1}
        yield Rejected(account.tick.end, None, None, why, None, body, file.path)
    else:
        yield from _records(body, file)


def _records(body: bytes, file: QuarantineFile) -> Iterator[Rejected]:
    for one in kept_records(body, where=file.path):
        try:
            tick = parse_tick_name(one.tick)
        except ValueError as error:
            raise Corrupt(f"a line of it cannot be read: {error}", where=file.path) from None
        yield Rejected(tick, one.row, one.path, one.reason, one.detail, one.raw, file.path)
