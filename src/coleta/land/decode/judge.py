"""Stage 2, step 1: one record, judged exactly: what breaks the contract, where, and why.

The slow and thorough reading, from the record's own bytes, of what the typed decoder refused or could
not be sure of. Values are decoded by the same decoders, so both readings agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import UNSET

from coleta.collect.cut import cut_array, cut_object
from coleta.contract.types import Bool, Date, Decimal, Float, Int, LocalTimestamp, Str, Timestamp
from coleta.land.decode.leaf import Broken, short
from coleta.land.decode.outcome import AnswerRejected, Reject
from coleta.land.decode.plan import INT64, Items, Leaf, Member, Members, Plan
from coleta.land.decode.repeats import members_of
from coleta.land.decode.strict import fault, is_strict, kind_of


class _Hopeless(Broken):
    """What no null can mend: it is not one value that breaks, but the record."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A record that lands, in the form that the typed decoder gives, and how many values became null.

    ``members`` are all that stood in it, each as it stood.
    """

    record: msgspec.Struct
    nulled: int
    members: Mapping[str, bytes]


def judge(raw: bytes, row: int, plan: Plan) -> Judged | Reject:
    """What becomes of the record `raw`, the answer's `row`-th.

    Raises:
        NotRecords: it is no JSON by any reading, so where it ends is not known either.
        AnswerRejected: it has an unknown member, and the terms refuse the answer for that.

    """
    strict = is_strict(raw)
    if not strict:
        reason = fault(raw)
    if raw[:1] != b"{":
        return Reject(row, "$", "not_an_object", f"an object was expected, {kind_of(raw)} came", raw)
    reading = _Reading(plan, strict=strict)
    try:
        members = reading.by_name(plan.root, raw, "$")
        if plan.terms.unknown == "reject" and (unknown := sorted(members.keys() - plan.known)):
            raise AnswerRejected(f"unknown_field at $.{unknown[0]}: the contract does not name it")
        record = reading.struct(plan.root, members, "$")
    except Broken as broken:
        return Reject(row, broken.path, broken.reason, broken.detail, raw)
    if not strict and not reading.nulled:
        return Reject(row, "$", reason, "what JSON does not allow", raw)
    return Judged(record, reading.nulled, members)


class _Reading:
    """One walk through a record; counts the values that it set to null."""

    def __init__(self, plan: Plan, *, strict: bool) -> None:
        self.terms = plan.terms
        self.root = plan.root
        self.strict = strict
        self.nulled = 0

    def struct(self, shape: Members, found: Mapping[str, bytes], path: str) -> msgspec.Struct:
        values = {
            member.attribute: self._member(member, found.get(member.name), f"{path}.{member.name}")
            for member in shape.members
        }
        return shape.struct(**values)

    def by_name(self, shape: Members, raw: bytes, path: str) -> dict[str, bytes]:
        """The members of the object `raw`; of names that the contract does not know, the last."""
        if self.strict and (members := members_of(raw)) is not None:
            return members
        known = {member.name for member in shape.members}
        all_once = shape is self.root and self.terms.unknown == "keep"
        found: dict[str, bytes] = {}
        for quoted, value in cut_object(raw):
            name = json.loads(quoted)
            if not self.strict and not is_strict(quoted):
                raise _Hopeless("surrogate", "a name holds half of a UTF-16 pair", path)
            if name in found and (all_once or name in known):
                raise _Hopeless("duplicate_key", f"the name {short(name)} comes twice", f"{path}.{name}")
            if not self.strict and name not in known and not is_strict(value):
                raise _Hopeless(fault(value), "what JSON does not allow", f"{path}.{name}")
            found[name] = value
        return found

    def _member(self, member: Member, raw: bytes | None, path: str) -> object:
        try:
            if raw is None:
                if member.required:
                    raise Broken("missing", "a required value is absent")
                return UNSET
            return self._value(member, raw, path)
        except Broken as broken:
            broken.path = broken.path or path
            if self.terms.on_violation != "null" or isinstance(broken, _Hopeless):
                raise
            self.nulled += 1
            return None

    def _value(self, member: Member, raw: bytes, path: str) -> object:
        if raw == b"null":
            if member.nullable:
                return None
            raise Broken("null", "null, and the field is not nullable")
        match member.shape:
            case Leaf() as leaf:
                return _leaf(leaf, raw)
            case Members() as shape:
                if raw[:1] != b"{":
                    raise Broken("type", f"an object was expected, {kind_of(raw)} came")
                return self.struct(shape, self.by_name(shape, raw, path), path)
            case Items(item=item, rules=rules):
                if raw[:1] != b"[":
                    raise Broken("type", f"an array was expected, {kind_of(raw)} came")
                values = [self._member(item, one, f"{path}[{at}]") for at, one in enumerate(cut_array(raw))]
                _check_length(len(values), rules.min_length, rules.max_length)
                return values


def _leaf(leaf: Leaf, raw: bytes) -> object:
    try:
        wire = leaf.decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise _why(leaf, raw, error) from None
    if leaf.finish is not None:
        leaf.finish([wire])
    return wire


def _why(leaf: Leaf, raw: bytes, error: Exception) -> Broken:
    """Which rule `raw` breaks, in our words: msgspec says it only in a sentence."""
    if not is_strict(raw):
        return Broken(fault(raw), f"{short(raw.decode())} is nothing that JSON allows")
    wanted = _WANTED[type(leaf.field.type)]
    if kind_of(raw) not in wanted:
        return Broken("type", f"{wanted} was expected, {kind_of(raw)} came")
    match leaf.field.type:
        case Int():
            if not raw.lstrip(b"-").isdigit():
                return Broken("type", f"{short(raw.decode())} is no integer as it is written")
            # No int() of thousands of digits: 64 bits never need more than 19.
            beyond = len(raw.lstrip(b"-")) > 19 or not INT64[0] <= int(raw) <= INT64[1]
            return Broken("too_large" if beyond else "range", short(raw.decode()))
        case Float():
            return Broken("range", short(raw.decode()))
        case Str():
            return _why_text(leaf, json.loads(raw))
        case _:
            return Broken("format", f"{short(raw.decode())}: {short(str(error))}")


def _why_text(leaf: Leaf, text: str) -> Broken:
    rules = leaf.field.rules
    try:
        _check_length(len(text), rules.min_length, rules.max_length)
    except Broken as broken:
        return broken
    return Broken("pattern", f"{short(text)} does not match {rules.pattern}")


def _check_length(length: int, least: int | None, most: int | None) -> None:
    if (least is not None and length < least) or (most is not None and length > most):
        raise Broken("length", f"the length is {length}, not {least or 0} to {'any' if most is None else most}")


_WANTED = {
    Int: "a number",
    Float: "a number",
    Decimal: "a number or a string",
    Bool: "a boolean",
    Str: "a string",
    Date: "a string",
    Timestamp: "a string",
    LocalTimestamp: "a string",
}
