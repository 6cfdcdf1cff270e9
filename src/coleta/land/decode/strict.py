"""Stage 2, step 1: is a text JSON, and if not, is it broken or only holding what JSON forbids?

Strict is msgspec, which takes RFC 8259 and nothing else. Lenient is Python's own parser, which also takes
NaN, Infinity and halves of UTF-16 pairs: a record with those is one bad record, not a broken page.
"""

from __future__ import annotations

import json

import msgspec

from coleta.land.decode.outcome import NotRecords, Reason

_SKIP = msgspec.json.Decoder(msgspec.Raw)


def is_strict(text: bytes) -> bool:
    """Whether `text` is one JSON value. Nothing is built.

    Raises:
        NotRecords: it is nested too deep to tell.

    """
    try:
        _SKIP.decode(text)
    except msgspec.MsgspecError:
        return False
    except RecursionError:
        raise NotRecords("nested too deep") from None
    return True


def fault(text: bytes) -> Reason:
    """What `text`, which is not strict, holds that JSON forbids.

    Raises:
        NotRecords: it is not JSON by any reading.

    """
    constants: list[str] = []
    # Numbers stay text: building an integer of a million digits takes minutes, or is refused.
    parser = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=constants.append)
    try:
        parser.decode(text.decode())
    except RecursionError:
        raise NotRecords("nested too deep") from None
    except ValueError as error:
        raise NotRecords(f"broken JSON ({str(error)[:80]})") from None
    return "not_a_number" if constants else "surrogate"


def kind_of(value: bytes) -> str:
    """What sort of JSON value `value` is, by its first byte, in words for a message."""
    return _KINDS.get(value[:1], "a number")


_KINDS = {
    b"{": "an object",
    b"[": "an array",
    b'"': "a string",
    b"t": "a boolean",
    b"f": "a boolean",
    b"n": "null",
    b"N": "NaN",
    b"I": "Infinity",
    b"": "nothing",
}
