"""Stage 2, after the fact: a derived file, packed, with the digest of its bytes at its end. Pure."""

from __future__ import annotations

import hashlib

from coleta.errors import Corrupt

# A skippable frame of zstd, 32 bytes long: whoever decompresses the file passes over it.
_SEAL = (0x184D2A50).to_bytes(4, "little") + (32).to_bytes(4, "little")


def seal(text: bytes) -> bytes:
    """The file: zstd over `text`, and the digest of that."""
    import pyarrow as pa

    body: bytes = pa.compress(text, codec="zstd", asbytes=True)
    # zstd takes some changed bytes for the same text, so its frame alone would not show every one.
    return body + _SEAL + hashlib.sha256(body).digest()


def unseal(name: str, stored: bytes) -> bytes:
    """The text in the file `name`.

    Raises:
        Corrupt: a byte of it has changed.

    """
    import pyarrow as pa

    length = len(_SEAL) + hashlib.sha256().digest_size
    body, end = stored[:-length], stored[-length:]
    if end != _SEAL + hashlib.sha256(body).digest():
        raise Corrupt("its bytes do not have the digest that stands at its end", where=name)
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
            text: bytes = stream.read()
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"it cannot be read: {error}", where=name) from None
    return text
