"""Stage 2, step 1: the records of one window, the fast way if all are beyond doubt, else the slow way.

Either way every record of the window ends as a row or as a reject, in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from coleta.collect.cut import cut_array
from coleta.land.decode.judge import judge
from coleta.land.decode.leaf import Broken
from coleta.land.decode.outcome import AnswerRejected, NotRecords, Reject
from coleta.land.decode.plan import Plan
from coleta.land.decode.repeats import Watched, members_of, repeats

if TYPE_CHECKING:
    import pyarrow

_CHUNK = 16
"""In a window that fails, so many records are tried at once: with 1 % bad, six chunks of seven still pass."""

_RAWS = msgspec.json.Decoder(list[Raw])


@dataclass(frozen=True, slots=True)
class Window:
    """What became of a window's records. ``rows`` are the landed ones' places in the answer."""

    columns: pyarrow.RecordBatch
    rows: Sequence[int]
    rejects: Sequence[Reject] = ()
    nulled: int = 0
    drift: Mapping[str, int] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """How many records came."""
        return len(self.rows) + len(self.rejects)


def decode_window(array: bytes, row: int, plan: Plan, names: Sequence[Watched]) -> Window:
    """The records of `array`, of which the first is the answer's `row`-th.

    Raises:
        NotRecords: it cannot be cut into records.
        AnswerRejected: a record breaks the contract, and the terms refuse the answer for that.

    """
    # Not at import: a program that only collects never needs pyarrow.
    from coleta.land.decode.arrays import record_batch

    records = None if plan.terms.unknown == "keep" else _typed(array, plan, names)
    if records is not None:
        try:
            return Window(record_batch(plan, records), range(row, row + len(records)))
        except Broken:
            pass
    slow = _Slow(plan, row)
    raws = cut(array)
    for first in range(0, len(raws), _CHUNK):
        chunk = raws[first : first + _CHUNK]
        records = _exact(chunk, plan, names)
        if records is not None:
            slow.take(chunk, records)
            continue
        for raw in chunk:
            alone = _exact([raw], plan, names)
            slow.take([raw], alone) if alone else slow.judge(raw)
    batch = record_batch(plan, slow.records, slow.extras)
    return Window(batch, slow.rows, slow.rejects, slow.nulled, slow.drift)


def _typed(array: bytes, plan: Plan, names: Sequence[Watched]) -> list[msgspec.Struct] | None:
    """The records of `array`, or None if one of them is not surely right."""
    try:
        records = plan.many.decode(array)
    except msgspec.MsgspecError:
        return None
    except RecursionError:
        raise NotRecords("nested too deep") from None
    return None if repeats(array, records, plan, names) else records


def _exact(raws: Sequence[bytes], plan: Plan, names: Sequence[Watched]) -> list[msgspec.Struct] | None:
    """The same of `raws`, and nothing would be lost in their columns either."""
    records = _typed(b"[" + b",".join(raws) + b"]", plan, names)
    if records is not None and plan.finishes:
        from coleta.land.decode.arrays import arrays

        try:
            arrays(plan, records)
        except Broken:
            return None
    return records


def cut(array: bytes) -> list[bytes]:
    """The records of `array`, each exactly as it stands.

    Raises:
        NotRecords: it is no array, or not whole.

    """
    try:
        return [bytes(raw) for raw in _RAWS.decode(array)]
    except RecursionError:
        raise NotRecords("nested too deep") from None
    except msgspec.MsgspecError:
        return cut_array(array)


class _Slow:
    """A window's outcome while it is gathered, record by record."""

    def __init__(self, plan: Plan, row: int) -> None:
        self.plan = plan
        self.row = row
        self.records: list[msgspec.Struct] = []
        self.rows: list[int] = []
        self.extras: list[str | None] = []
        self.rejects: list[Reject] = []
        self.nulled = 0
        self.drift: Counter[str] = Counter()

    def take(self, raws: Sequence[bytes], records: Sequence[msgspec.Struct]) -> None:
        """These records land, unless one has to be looked at for what is kept beside the contract."""
        if self.plan.terms.unknown != "keep":
            self.records += records
            self.rows += range(self.row, self.row + len(raws))
            self.row += len(raws)
            return
        for raw, record in zip(raws, records, strict=True):
            members = members_of(raw)
            if members is None:
                self.judge(raw)
            else:
                self._land(record, members)

    def judge(self, raw: bytes) -> None:
        """This record is in doubt: it is judged exactly."""
        judged = judge(raw, self.row, self.plan)
        if not isinstance(judged, Reject):
            self.nulled += judged.nulled
            self._land(judged.record, judged.members)
            return
        if self.plan.terms.on_violation == "reject":
            where = f"at {judged.path} of record {judged.row}"
            raise AnswerRejected(f"{judged.reason} {where}: {judged.detail}")
        self.rejects.append(judged)
        self.row += 1

    def _land(self, record: msgspec.Struct, members: Mapping[str, bytes]) -> None:
        self.records.append(record)
        self.rows.append(self.row)
        self.row += 1
        if self.plan.terms.unknown == "keep":
            extra = {name: value for name, value in members.items() if name not in self.plan.known}
            self.drift.update(extra.keys())
            pairs = (msgspec.json.encode(name) + b":" + value for name, value in extra.items())
            self.extras.append((b"{" + b",".join(pairs) + b"}").decode() if extra else None)
