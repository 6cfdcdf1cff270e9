"""Reads and verifies one spool file, with Python's standard library only. See spool.md.

python read_spool.py FILE        prints what it holds, as JSON; a damaged file ends with an error
"""

import hashlib
import json
import struct
import sys
import zlib
from pathlib import Path

Json = dict[str, object]
FORMAT = 1


def frames(file: bytes) -> list[tuple[bytes, bytes]]:
    """Every frame's kind and payload."""
    if len(file) < 8 or file[:6] != b"COLETA" or file[7:8] != b"\n" or file[6] == 0:
        raise ValueError("not a spool file")
    if file[6] > FORMAT:
        raise ValueError(f"format {file[6]}: leave the file as it is, and read it with a newer program")
    found, at = [], 8
    while at < len(file):
        if at + 5 > len(file):
            raise ValueError(f"cut short at byte {at}")
        kind, length = struct.unpack_from("<cI", file, at)
        end = at + 5 + length
        if end + 4 > len(file):
            raise ValueError(f"cut short: the frame at byte {at} is not whole")
        if struct.unpack_from("<I", file, end)[0] != zlib.crc32(file[at:end]):
            raise ValueError(f"the frame at byte {at} fails its CRC")
        found.append((kind, file[at + 5 : end]))
        at = end + 4
    return found


def read_spool(file: bytes) -> Json:
    """The file's ``header``, ``heads`` and ``trailer`` as stored JSON, its ``pages``, and its right ``name``."""
    listed = frames(file)
    order = b"".join(kind for kind, _ in listed)
    if order[:1] != b"H" or order[-1:] != b"T" or order[1:-1].strip(b"PB") or order[1:2] == b"B":
        raise ValueError(f"the frames {order!r} are not one header, pages and one trailer")
    heads: list[bytes] = []
    pages: list[bytes] = []
    for kind, payload in listed[1:-1]:
        if kind == b"P":
            heads.append(payload)
            pages.append(b"")
        else:
            pages[-1] += payload
    stored, end = listed[0][1], listed[-1][1]
    name = check(json.loads(stored), stored, pages, json.loads(end))
    return {"name": name, "header": stored, "heads": heads, "pages": pages, "trailer": end}


def check(header: dict, stored: bytes, pages: list[bytes], trailer: dict) -> str:  # type: ignore[type-arg]
    """The file's right name, if header, pages and trailer agree."""
    if (trailer["pages"], trailer["size_bytes"]) != (len(pages), sum(map(len, pages))):
        raise ValueError("the trailer counts other pages or bytes")
    tick = header["tick"]
    if (tick is None) == (not header["gaps"]):
        raise ValueError("it holds neither one answer nor gaps")
    if tick is None:
        return f"{tick_name(header['gaps'][0]['tick']['end'])}-gap-{zlib.crc32(stored):08x}.spool"
    response = hashlib.sha256(b"".join(struct.pack("<Q", len(page)) + page for page in pages)).hexdigest()
    parent = (header["carried"] or {}).get("parent") or ""
    answer = hashlib.sha256("\n".join((parent, tick["start"], tick["end"], response)).encode()).hexdigest()
    if (trailer["response"], trailer["answer"]) != (response, answer):
        raise ValueError("the pages do not have the digest that the trailer names")
    return f"{tick_name(tick['end'])}-{answer[:16]}.spool"


def tick_name(instant: str) -> str:
    """``2026-11-24T12:00:00Z`` as ``20261124T120000Z``."""
    return instant.replace("-", "").replace(":", "")


if __name__ == "__main__":
    whole = read_spool(Path(sys.argv[1]).read_bytes())
    json.dump(whole, sys.stdout, default=bytes.decode, indent=1)
