"""All that decoding an answer depends on, as one value with one name.

An answer is decoded with the terms that it was collected under, even if the project file has
changed since, so its spool file carries them whole and its record names them by digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from coleta.contract.types import Contract
from coleta.errors import Corrupt

OnViolation = Literal["quarantine", "null", "reject"]
Unknown = Literal["drop", "keep", "reject"]
Expect = Literal["array", "object"]
Format = Literal["ndjson", "csv"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What one stream's answers are decoded with.

    ``expect`` is the shape of a page: an ``array`` of records, or an ``object`` that holds that array
    at ``records`` (keys from the top; none: the object itself is the one record). ``key`` are the
    fields by which a record that comes twice within one answer is known. ``cursor`` is the field
    whose value places a record in time, for streams whose requests name the tick's interval. ``format`` is how a
    page is written where that is not one JSON text; of CSV ``columns`` are the names where no first row gives them.
    These three came later, so they are left out where they say nothing: the digests of older terms stay.
    """

    contract: Contract
    on_violation: OnViolation = "quarantine"
    unknown: Unknown = "drop"
    expect: Expect = "array"
    records: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    cursor: str | None = None
    format: Format | UnsetType = UNSET
    delimiter: str | UnsetType = UNSET
    columns: tuple[str, ...] | UnsetType = UNSET

    @classmethod
    def from_json(cls, stored: bytes) -> Terms:
        """The terms in a stored terms file, perhaps an older version's.

        Raises:
            Corrupt: they cannot be read as terms.

        """
        try:
            return _DECODER.decode(stored)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise Corrupt(f"not a terms file: {error}") from None

    @property
    def of_array(self) -> Terms:
        """The same for records that were taken out of their page, and stand in a JSON array."""
        return replace(self, expect="array", records=(), format=UNSET, delimiter=UNSET, columns=UNSET)

    @property
    def digest(self) -> str:
        """The terms' name: sha256 of their canonical JSON, in hex."""
        return hashlib.sha256(canonical(self)).hexdigest()


def canonical(value: object) -> bytes:
    """`value` as JSON with sorted keys, no white space, in UTF-8: one text for one value."""
    return msgspec.json.encode(value, order="sorted")


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_DECODER = msgspec.json.Decoder(Terms)
