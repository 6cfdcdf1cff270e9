"""From a record back to where it came from: its tick, its answer, its object, and the log around that.

Looked for are landed rows and records in the quarantine, of answers that were refused as a whole too. Every
object that the records name is read until enough is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal as Exact
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from coleta.ask.landed import Landed, Progress, silent
from coleta.ask.quarantine import Rejected, files_named, read_file
from coleta.ask.table import read_rows, read_terms
from coleta.collect.marks import raw_records
from coleta.collect.tick import parse_instant
from coleta.contract.describe import type_text
from coleta.contract.types import (
    Bool,
    Contract,
    Date,
    Decimal,
    Field,
    Float,
    Int,
    Json,
    LocalTimestamp,
    Str,
    Timestamp,
    Type,
)
from coleta.errors import WrongQuestion
from coleta.land.commit import Committed
from coleta.land.record import Account, Outcome, QuarantineFile
from coleta.terms import Terms

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Trace:
    """One record and its way. ``record`` are its columns, or its very text if it is in the quarantine.

    ``row`` is its place in the answer, from 0; None where the answer was refused as a whole. ``account`` is what
    became of its tick, ``commit`` where that stands. ``file`` is the quarantine file, if it is in one.
    """

    record: Mapping[str, object] | str
    row: int | None
    account: Account
    commit: Committed
    before: str | None
    """The object before it in the log; its record names the one after it."""
    file: str | None = None
    path: str | None = None
    reason: str | None = None


def traces(landed: Landed, where: Mapping[str, str], *, progress: Progress = silent) -> Iterator[Trace]:
    """The records in which each column of `where` has the value that is written there, oldest commit first.

    Columns that an older contract had are known too, and each value is read as the contract of its time says.
    In the quarantine a value also matches if it is only written as text, which may be why it is there.

    Raises:
        WrongQuestion: there is no such column, or its type has no such value. Before anything is read.
        StoreUnavailable, Corrupt: what it stands in cannot be read.

    """
    terms = {one.record.terms: read_terms(landed.store, one.record.terms) for one in reversed(landed.commits)}
    known = list(terms.values()) or [landed.stream.terms]
    for column, text in where.items():
        _check(column, text, known)
    return _found(landed, where, terms, progress)


def _found(landed: Landed, where: Mapping[str, str], terms: Mapping[str, Terms], progress: Progress) -> Iterator[Trace]:
    before = None
    jailed: dict[str, list[tuple[Committed, Account, QuarantineFile]]] = {}
    for named in files_named(landed.commits):
        jailed.setdefault(named[0].name, []).append(named)
    for done, commit in enumerate(landed.commits):
        progress(f"trace {landed.stream.name}", done, len(landed.commits))
        mine = terms[commit.record.terms]
        if commit.record.rows:
            for row in _in_rows(landed, commit, _wanted(mine.contract, where)):
                account = _account(commit, row["_tick"], row["_fetched_at"])
                yield Trace(row, row["_row"], account, commit, before)
        for _, account, file in jailed.get(commit.name, ()):
            for one, text in _in_file(read_file(landed.store, account, file), where, mine):
                yield Trace(text, one.row, account, commit, before, file.path, one.path, one.reason)
        before = commit.name


# Columns and values ------------------------------------------------------------------------------


def _check(column: str, text: str, known: Sequence[Terms]) -> None:
    fields = {field.name: field for terms in reversed(known) for field in terms.contract.fields}
    if column not in fields:
        raise WrongQuestion(f"there is no column {column!r}", hint=f"there is: {', '.join(fields)}")
    kinds = [field.type for terms in known for field in terms.contract.fields if field.name == column]
    told = None
    for kind in kinds:
        try:
            value_of(kind, text)
            return
        except ValueError as error:
            told = told or f"{text!r} is no {type_text(kind)}, which the column {column!r} is: {error}"
    raise WrongQuestion(told or "", hint="write it as it stands in coleta query, without quotes")


def value_of(kind: Type, text: str) -> object:
    """The value of a column of type `kind` that `text` spells.

    Raises:
        ValueError: it spells none, or such columns cannot be compared with a text.

    """
    match kind:
        case Int():
            return int(text)
        case Float():
            return float(text)
        case Decimal():
            try:
                return Exact(text)
            except InvalidOperation:
                raise ValueError("not a number") from None
        case Bool():
            if text not in ("true", "false"):
                raise ValueError("true or false")
            return text == "true"
        case Str() | Json():
            return text
        case Date():
            return date.fromisoformat(text)
        case Timestamp():
            return parse_instant(text)
        case LocalTimestamp():
            local = datetime.fromisoformat(text)
            if local.tzinfo is not None:
                raise ValueError("it has no time zone")
            return local
    raise ValueError("only single values can be compared; coleta query can look into lists and structs")


def _wanted(contract: Contract, where: Mapping[str, str]) -> list[tuple[Field, object]] | None:
    """Each column with the value to look for; None where this contract cannot have such a record."""
    fields = {field.name: field for field in contract.fields}
    try:
        return [(fields[column], value_of(fields[column].type, text)) for column, text in where.items()]
    except (KeyError, ValueError):
        return None


# Landed rows -------------------------------------------------------------------------------------


def _in_rows(landed: Landed, commit: Committed, wanted: list[tuple[Field, object]] | None) -> Iterator[dict[str, Any]]:
    if wanted is None:
        return
    for batch in read_rows(landed.store, commit.name):
        yield from _matching(batch, wanted).to_pylist()


def _matching(batch: pa.RecordBatch, wanted: Sequence[tuple[Field, object]]) -> pa.RecordBatch:
    import pyarrow as pa
    import pyarrow.compute as pc

    for field, value in wanted:
        column = batch.column(field.name)
        try:
            same = pc.equal(column, pa.scalar(value, type=column.type))
        except (pa.ArrowException, OverflowError):
            return batch.slice(0, 0)  # more digits than the column can hold
        batch = batch.filter(same)
    return batch


def _account(commit: Committed, tick: datetime, fetched_at: datetime) -> Account:
    """The account of the answer that a row came with; a tick on demand may end at the very instant of another."""
    mine = [one for one in commit.record.accounts if one.tick.end == tick and one.outcome is not Outcome.GAP]
    return min(mine, key=lambda one: one.received_at != fetched_at)


# The quarantine ----------------------------------------------------------------------------------


def _in_file(rejected: Iterator[Rejected], where: Mapping[str, str], terms: Terms) -> Iterator[tuple[Rejected, str]]:
    for one in rejected:
        for record in _records(one, terms):
            if all(_has(record, column, text, terms.contract) for column, text in where.items()):
                yield one, json.dumps(record, ensure_ascii=False) if one.row is None else _text(one)


def _text(one: Rejected) -> str:
    return one.raw.decode("utf-8", "backslashreplace")


def _records(one: Rejected, terms: Terms) -> Iterator[Mapping[str, object]]:
    """The record; or each that a whole page holds, as far as it can be read."""
    if one.row is None and terms.format is not UNSET:
        for raw in raw_records(one.raw, terms):
            yield from _records(replace(one, raw=raw, row=0), terms)
        return
    try:
        found: object = json.loads(one.raw)
    except (ValueError, RecursionError):
        return
    if one.row is None:
        for key in terms.records:
            found = found.get(key) if isinstance(found, dict) else None
    for record in found if isinstance(found, list) else [found]:
        if isinstance(record, dict):
            yield record


def _has(record: Mapping[str, object], column: str, text: str, contract: Contract) -> bool:
    field = next((one for one in contract.fields if one.name == column), None)
    if field is None:
        return False
    value: object = record
    for key in field.keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    try:
        written = value if isinstance(value, str) else json.dumps(value)
        return written == text or value_of(field.type, written) == value_of(field.type, text)
    except ValueError:
        return False
