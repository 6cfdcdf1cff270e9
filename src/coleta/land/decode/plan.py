"""Stage 2, step 1: terms become a plan: generated structs, typed decoders, and a tree of what is where.

The structs mirror the JSON, so a field selected by ``$.user.login`` gives a struct for the record that
holds a struct for ``user``. msgspec checks types and most rules while it decodes; ``finisher`` checks
the rest.
"""

from __future__ import annotations

import datetime
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from types import GenericAlias
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from coleta.contract.types import Bool, Date, Decimal, Field, Float, Int, Json, List, Rules, Struct, Type
from coleta.errors import Misconfigured
from coleta.land.decode.leaf import Finish, finisher
from coleta.terms import Terms, canonical

INT64 = (-(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that the tree does not enter. ``decoder`` decodes it alone, with its rules."""

    field: Field
    decoder: msgspec.json.Decoder[object]
    finish: Finish | None


@dataclass(frozen=True, slots=True)
class Items:
    """An array; ``item`` describes each of its values."""

    item: Member
    rules: Rules


@dataclass(frozen=True, slots=True)
class Members:
    """An object, and the struct that it is decoded into."""

    struct: type[msgspec.Struct]
    members: tuple[Member, ...]


Shape = Leaf | Items | Members


@dataclass(frozen=True, slots=True)
class Member:
    """A value within an object: its name there, and its attribute in the struct."""

    name: str
    attribute: str
    required: bool
    nullable: bool
    shape: Shape


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the contract, and the attributes that lead from the record's struct to its value."""

    field: Field
    attributes: tuple[str, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decoding with one set of terms needs."""

    terms: Terms
    root: Members
    columns: tuple[Column, ...]
    one: msgspec.json.Decoder[msgspec.Struct]
    many: msgspec.json.Decoder[list[msgspec.Struct]]
    known: frozenset[str]
    """The names at the top of a record that the contract reads."""
    finishes: bool
    """Whether some value is not final yet when the typed decoder has taken it."""


def plan_of(terms: Terms) -> Plan:
    """The plan for `terms`; kept, since a service decodes with the same few terms again and again.

    Raises:
        Misconfigured: the key names a field that the contract does not have.

    """
    # By their text, since 1, 1.0 and true are equal as Python's dictionaries see them.
    return _plan(canonical(terms))


@lru_cache(maxsize=256)
def _plan(stored: bytes) -> Plan:
    terms = Terms.from_json(stored)
    names = {field.name for field in terms.contract.fields}
    for key in terms.key:
        if key not in names:
            raise Misconfigured(f"the key names {key!r}, which the contract does not have")
    fields = [(field, field.keys) for field in terms.contract.fields]
    root, columns = _members(fields, strict=terms.unknown == "reject")
    return Plan(
        terms=terms,
        root=root,
        columns=tuple(columns[field.name] for field in terms.contract.fields),
        one=msgspec.json.Decoder(root.struct),
        many=msgspec.json.Decoder(_list_of(root.struct)),
        known=frozenset(member.name for member in root.members),
        finishes=_finishes(root),
    )


def _finishes(shape: Shape) -> bool:
    match shape:
        case Leaf(finish=finish):
            return finish is not None
        case Items(item=item):
            return _finishes(item.shape)
        case Members(members=members):
            return any(_finishes(member.shape) for member in members)


def _members(
    fields: Sequence[tuple[Field, tuple[str, ...]]], *, strict: bool = False
) -> tuple[Members, dict[str, Column]]:
    """The object that holds `fields` at these keys, and how each is reached from it."""
    groups: dict[str, list[tuple[Field, tuple[str, ...]]]] = {}
    for field, keys in fields:
        groups.setdefault(keys[0], []).append((field, keys[1:]))
    members: list[Member] = []
    columns: dict[str, Column] = {}
    for at, (name, inside) in enumerate(groups.items()):
        attribute = f"f{at}"
        field, rest = inside[0]
        if not rest:
            member = _member(field, name, attribute)
            columns[field.name] = Column(field, (attribute,), member.shape)
        else:
            group, within = _members(inside)
            # A group may be absent, or null, where everything that is read from it may.
            member = Member(
                name,
                attribute,
                required=any(inner.required for inner in group.members),
                nullable=all(inner.nullable for inner in group.members),
                shape=group,
            )
            for reached in within.values():
                columns[reached.field.name] = Column(reached.field, (attribute, *reached.attributes), reached.shape)
        members.append(member)
    return Members(_struct(members, strict=strict), tuple(members)), columns


def _member(field: Field, name: str, attribute: str) -> Member:
    shape: Shape
    match field.type:
        case List(item=item):
            shape = Items(_member(item, "", ""), field.rules)
        case Struct(fields=fields):
            shape, _ = _members([(inner, (inner.name,)) for inner in fields])
        case _:
            decoder = msgspec.json.Decoder(_scalar(field.type, field.rules))
            shape = Leaf(field, decoder, finisher(field))
    return Member(name, attribute, field.required, field.nullable, shape)


def _struct(members: Sequence[Member], *, strict: bool) -> type[msgspec.Struct]:
    fields = [
        (member.attribute, _union(_annotation(member), UnsetType), UNSET)
        if not member.required
        else (member.attribute, _annotation(member))
        for member in members
    ]
    return msgspec.defstruct(
        "Record",
        fields,
        kw_only=True,
        rename={member.attribute: member.name for member in members},
        forbid_unknown_fields=strict,
        # Nothing in a record can refer back to it, so the collector need not look.
        gc=False,
    )


def _annotation(member: Member) -> object:
    bare: object
    match member.shape:
        case Leaf(field=field):
            bare = _scalar(field.type, field.rules)
            if bare is Raw:
                return bare
        case Items(item=item, rules=rules):
            bare = _list_of(_annotation(item))
            if rules.min_length is not None or rules.max_length is not None:
                limits = Meta(min_length=rules.min_length, max_length=rules.max_length)
                bare = operator.getitem(Annotated, (bare, limits))
        case Members(struct=struct):
            bare = struct
    return _union(bare, None) if member.nullable else bare


def _scalar(kind: Type, rules: Rules) -> object:
    low, high = rules.minimum, rules.maximum
    match kind:
        case Int():
            least = INT64[0] if low is None else max(INT64[0], math.ceil(low))
            most = INT64[1] if high is None else min(INT64[1], math.floor(high))
            return Annotated[int, Meta(ge=least, le=most)]
        case Float():
            return Annotated[
                float, Meta(ge=None if low is None else float(low), le=None if high is None else float(high))
            ]
        case Bool():
            return bool
        case Date():
            return datetime.date
        case Decimal() | Json():
            return Raw
        case _:
            return Annotated[str, Meta(pattern=rules.pattern, min_length=rules.min_length, max_length=rules.max_length)]


def _union(*kinds: object) -> object:
    return reduce(operator.or_, kinds)


def _list_of(kind: object) -> object:
    return GenericAlias(list, (kind,))
