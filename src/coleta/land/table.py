"""After landing: which columns a registered table has, and how they may grow with the contract. Pure.

The table is a Delta table whose files are the data objects themselves. Every column of the contract may be null
there, whatever the contract demands: so a demand that is dropped needs no change of the table, and neither do rows
that landed before a column came. docs/reference/delta-table.md is its specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import msgspec

from coleta.contract.types import (
    Bool,
    Date,
    Decimal,
    Field,
    Float,
    Int,
    Json,
    List,
    LocalTimestamp,
    Str,
    Struct,
    Timestamp,
    Type,
)
from coleta.errors import Misconfigured
from coleta.terms import Terms, canonical

PARTITION = "tick_date"
"""The column that the objects' folders give: the UTC date of the tick."""


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values of one kind."""

    item: Kind


@dataclass(frozen=True, slots=True)
class Group:
    """Several named values: a struct."""

    columns: tuple[Column, ...]


Kind = str | Many | Group
"""A column's type: one of Delta's own words, such as ``long``, or one made of others."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. ``nullable`` is False only for what Coleta itself fills."""

    name: str
    kind: Kind
    nullable: bool = True


Columns = tuple[Column, ...]

_LINEAGE = (
    Column("_tick", "timestamp", nullable=False),
    Column("_row", "long", nullable=False),
    Column("_fetched_at", "timestamp", nullable=False),
)


def columns_of(terms: Terms) -> Columns:
    """The columns of a table of what lands under `terms`: those of the objects, and the partition last."""
    extra = (Column("_extra", "string"),) if terms.unknown == "keep" else ()
    return (*_columns(terms.contract.fields), *extra, *_LINEAGE, Column(PARTITION, "date"))


def _columns(fields: Iterable[Field]) -> Columns:
    return tuple(Column(field.name, _kind(field.type)) for field in fields)


def _kind(kind: Type) -> Kind:
    match kind:
        case Int():
            return "long"
        case Float():
            return "double"
        case Bool():
            return "boolean"
        case Str() | Json():
            return "string"
        case Date():
            return "date"
        case Timestamp():
            return "timestamp"
        case LocalTimestamp():
            return "timestamp_ntz"
        case Decimal(precision=precision, scale=scale):
            return f"decimal({precision},{scale})"
        case List(item=item):
            return Many(_kind(item.type))
        case Struct(fields=fields):
            return Group(_columns(fields))


# Growing -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two shapes of a table differ: a column's path, and its type before and after, None where it is not."""

    path: str
    before: str | None
    after: str | None

    @property
    def additive(self) -> bool:
        """Whether a table can take it: a column that comes, empty for all rows before."""
        return self.before is None

    def __str__(self) -> str:
        """One line, as a diff shows it."""
        match self.before, self.after:
            case None, after:
                return f"+ {self.path} {after}"
            case before, None:
                return f"- {self.path} {before}"
            case before, after:
                return f"! {self.path} {before} -> {after}"


def differences(before: Columns, after: Columns) -> tuple[Difference, ...]:
    """All in which `after` differs from `before`, in no way that order or null would show."""
    return tuple(_differences(before, after, ""))


def _differences(before: Columns, after: Columns, path: str) -> Iterable[Difference]:
    new = {column.name: column.kind for column in after}
    for column in before:
        at = path + column.name
        if column.name not in new:
            yield Difference(at, words(column.kind), None)
        else:
            yield from _kinds(column.kind, new[column.name], at)
    known = {column.name for column in before}
    for column in after:
        if column.name not in known:
            yield Difference(path + column.name, None, words(column.kind))


def _kinds(before: Kind, after: Kind, at: str) -> Iterable[Difference]:
    match before, after:
        case Group(old), Group(new):
            yield from _differences(old, new, f"{at}.")
        case Many(old_item), Many(new_item):
            # A list's items can't be given another shape in a table that has some.
            if any(_kinds(old_item, new_item, at)):
                yield Difference(at, words(before), words(after))
        case _ if before != after:
            yield Difference(at, words(before), words(after))


def words(kind: Kind) -> str:
    """A type as one reads it: ``decimal(9,2)``, ``list<long>``, ``struct<x: string>``."""
    match kind:
        case Many(item):
            return f"list<{words(item)}>"
        case Group(columns):
            return f"struct<{', '.join(f'{column.name}: {words(column.kind)}' for column in columns)}>"
    return kind


def grown(table: Columns, terms: Terms, *, where: str) -> Columns:
    """The columns that a table with `table` needs in order to take rows of `terms`; `table` itself if that is all.

    What the table has and the terms do not stays: it is null in their rows.

    Raises:
        Misconfigured: the rows have another type than the table: the message shows each such column.

    """
    clashes = [one for one in differences(table, columns_of(terms)) if one.before is not None and one.after is not None]
    if clashes:
        raise Misconfigured(
            f"the table cannot take these rows, since columns have another type: {'; '.join(map(str, clashes))}",
            where=where,
            hint="give what has the other type to a new stream; to go on without a table, leave out `table`",
        )
    both = _merged(table, columns_of(terms))
    check_names(both, where=where)
    return both


def _merged(table: Columns, other: Columns) -> Columns:
    new = {column.name: column for column in other}
    kept = tuple(
        replace(column, kind=_merged_kind(column.kind, new[column.name].kind)) if column.name in new else column
        for column in table
    )
    known = {column.name for column in table}
    return (*kept, *(column for column in other if column.name not in known))


def _merged_kind(table: Kind, other: Kind) -> Kind:
    if isinstance(table, Group) and isinstance(other, Group):
        return Group(_merged(table.columns, other.columns))
    return table


def to_add(table: Columns, both: Columns) -> Columns:
    """The columns of `both` that `table` lacks, or has without a part."""
    known = {column.name: column for column in table}
    return tuple(column for column in both if known.get(column.name) != column)


def check_names(columns: Columns, *, where: str) -> None:
    """Refuse names that differ in upper and lower case only, which are one name in a Delta table.

    Raises:
        Misconfigured: there are some.

    """
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.setdefault(column.name.casefold(), column.name)
        if other != column.name or [one.name for one in columns].count(column.name) > 1:
            what = f"{other!r} and {column.name!r}" if other != column.name else f"{column.name!r}, twice,"
            raise Misconfigured(
                f"in a table {what} would be one column",
                where=where,
                hint='rename one in the contract: other_name = "$.name"; or leave out `table`',
            )
        if isinstance(column.kind, Group):
            check_names(column.kind.columns, where=where)


def check_change(before: Terms, after: Terms, *, where: str) -> None:
    """Refuse a contract that a table under `before` cannot follow.

    Raises:
        Misconfigured: it does more than add columns or demand less; the message is the diff, the hint two ways out.

    """
    changed = differences(columns_of(before), columns_of(after))
    if any(not one.additive for one in changed):
        raise Misconfigured(
            "the contract has changed in a way that the stream's table cannot follow:\n  "
            + "\n  ".join(map(str, changed)),
            where=where,
            hint="take the change back, or land the new shape in a new stream with another name; columns may be added",
        )


# Delta's words -----------------------------------------------------------------------------------


def schema_json(columns: Columns) -> str:
    """The columns as Delta's own JSON of a schema."""
    return canonical({"type": "struct", "fields": [_field(column) for column in columns]}).decode()


def _field(column: Column) -> Mapping[str, object]:
    return {"name": column.name, "type": _type(column.kind), "nullable": column.nullable, "metadata": {}}


def _type(kind: Kind) -> object:
    match kind:
        case Many(item):
            return {"type": "array", "elementType": _type(item), "containsNull": True}
        case Group(columns):
            return {"type": "struct", "fields": [_field(column) for column in columns]}
    return kind


def columns_in(schema: str) -> Columns:
    """The columns that Delta's JSON of a schema names. A type that no contract has is kept as its text."""
    return _parsed(msgspec.json.decode(schema))


def _parsed(struct: Mapping[str, object]) -> Columns:
    fields = cast("Sequence[Mapping[str, object]]", struct["fields"])
    return tuple(Column(str(one["name"]), _parsed_kind(one["type"]), bool(one["nullable"])) for one in fields)


def _parsed_kind(kind: object) -> Kind:
    match kind:
        case str():
            return kind
        case {"type": "array", "elementType": item}:
            return Many(_parsed_kind(item))
        case {"type": "struct"}:
            return Group(_parsed(cast("Mapping[str, object]", kind)))
    return canonical(kind).decode()
