"""A stream's quarantine, read from exactly the files that its records name. Read-only; takes no lock."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from coleta.collect.tick import parse_tick_name
from coleta.errors import Corrupt

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


class _Line(msgspec.Struct):
    tick: str
    row: int
    path: str
    reason: str
    detail: str | None = None
    raw: str | None = None
    raw_b64: str | None = None


def files_named(
    commits: Iterable[Committed], *, tick: datetime | None = None, reason: str | None = None
) -> Iterator[tuple[Committed, Account, QuarantineFile]]:
    """The quarantine files that `commits` name, each with its commit and the account of its answer, oldest first.

    Only those of the tick that ends at `tick`, or with something for `reason` in them, if these are given.
    """
    for committed in commits:
        accounts = {account.answer: account for account in committed.record.accounts}
        for file in committed.record.quarantine:
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
    body = _content(store, file)
    if file.holds == "page":
        (why,) = file.reasons or {"": 1}
        yield Rejected(account.tick.end, None, None, why, None, body, file.path)
    else:
        yield from _records(body, file)


def _records(body: bytes, file: QuarantineFile) -> Iterator[Rejected]:
    for line in body.splitlines():
        try:
            one = msgspec.json.decode(line, type=_Line)
            tick = parse_tick_name(one.tick)
            raw = base64.b64decode(one.raw_b64) if one.raw_b64 is not None else (one.raw or "").encode()
        except (msgspec.MsgspecError, ValueError) as error:
            raise Corrupt(f"a line of it cannot be read: {error}", where=file.path) from None
        yield Rejected(tick, one.row, one.path, one.reason, one.detail, raw, file.path)


def _content(store: ObjectStore, file: QuarantineFile) -> bytes:
    import pyarrow as pa

    stored = store.read(file.path)
    if stored is None:
        raise Corrupt("a quarantine file is missing", where=file.path, hint="coleta verify tells more")
    try:
        with pa.input_stream(pa.py_buffer(stored), compression="zstd") as stream:
            content: bytes = stream.read()
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"it cannot be unpacked: {error}", where=file.path) from None
    return content
