"""What a contract is made of: fields, their types and their rules. Values only, and stored as JSON.

A type says how a JSON value is read and which Arrow column it becomes. Nothing is ever coerced:
``"12"`` is no int, 12.5 is no int, true is no int; an int is a valid float.
"""

from __future__ import annotations

from msgspec import Struct as Value
from msgspec import field


class Int(Value, frozen=True, tag="int"):
    """A JSON integer within 64 bits; column int64."""


class Float(Value, frozen=True, tag="float"):
    """A JSON number that float64 can hold without becoming infinite; column double."""


class Decimal(Value, frozen=True, tag="decimal"):
    """A JSON number, or a string that spells one, kept exact; column decimal128(precision, scale)."""

    precision: int
    scale: int


class Bool(Value, frozen=True, tag="bool"):
    """true or false; column bool."""


class Str(Value, frozen=True, tag="str"):
    """A JSON string; column string."""


class Date(Value, frozen=True, tag="date"):
    """An ISO 8601 calendar date in a string; column date32."""


class Timestamp(Value, frozen=True, tag="timestamp"):
    """An ISO 8601 time with a zone in a string; column timestamp[us, UTC]."""


class LocalTimestamp(Value, frozen=True, tag="local_timestamp"):
    """An ISO 8601 time without a zone in a string; column timestamp[us]."""


class Json(Value, frozen=True, tag="json"):
    """Any JSON value, kept as its own text; column string."""


class List(Value, frozen=True, tag="list"):
    """A JSON array of one type; column list."""

    item: Field


class Struct(Value, frozen=True, tag="struct"):
    """A JSON object; column struct."""

    fields: tuple[Field, ...]


type_names: dict[str, Type] = {
    "int": Int(),
    "float": Float(),
    "bool": Bool(),
    "str": Str(),
    "date": Date(),
    "timestamp": Timestamp(),
    "local_timestamp": LocalTimestamp(),
    "json": Json(),
}
"""The types that a bare word names in a contract."""

Type = Int | Float | Decimal | Bool | Str | Date | Timestamp | LocalTimestamp | Json | List | Struct


class Rules(Value, frozen=True, omit_defaults=True):
    """What a value must satisfy beyond its type. None, or an empty tuple, asks nothing."""

    minimum: int | float | None = None
    maximum: int | float | None = None
    enum: tuple[str | int | float | bool, ...] = ()
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None


class Field(Value, frozen=True, omit_defaults=True):
    """One column: its name, where in the record its value lies, its type and its rules.

    ``path`` are the keys that lead to the value from the top of the record; the field's own name
    unless the contract selects (``login = "$.user.login"``). A field that is not ``required`` may be
    absent, one that is ``nullable`` may be null; both land as null.
    """

    name: str
    type: Type
    required: bool = True
    nullable: bool = False
    path: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys from the top of the record to the value."""
        return self.path or (self.name,)


class Contract(Value, frozen=True, omit_defaults=True):
    """The types and rules of a stream's records, in column order."""

    fields: tuple[Field, ...]
