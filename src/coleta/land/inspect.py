"""Stage 2, backwards: read a whole data object again, every byte of it, and say what is wrong. Pure.

Three checks that do not rest on each other: the stamp is over all bytes as they were written; page checksums
are over what a reader decodes; the content digest is over the rows, whatever bytes hold them.
"""

from __future__ import annotations

from collections.abc import Iterator

from coleta.land.content import ContentDigest
from coleta.land.parquet import ROW_GROUP_ROWS, STAMP_KEY, stamp_holds, unreadable
from coleta.land.record import FOOTER_KEY, Record

NOT_STAMPED = "it was written without a digest of its bytes, so some that no reader needs cannot be checked"


def inspect_object(body: bytes, record: Record, *, retired: bool = False) -> Iterator[str]:
    """What is wrong with the object `body`, whose record is `record`. Memory is bounded by a row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        keys = {key.decode(): value for key, value in (pq.read_metadata(pa.BufferReader(body)).metadata or {}).items()}
    except unreadable() as error:
        yield f"its footer cannot be read: {error}"
        return
    stamp = keys.get(STAMP_KEY)
    if stamp is None and keys.keys() != {FOOTER_KEY}:
        # Objects from before the stamp have the record alone; whatever else is there was written with one.
        yield f"its digest is missing among {', '.join(sorted(keys))}"
        return
    if stamp is not None and not stamp_holds(body, stamp.decode("latin-1")):
        yield "its bytes are not those that its digest was taken of"
        return
    try:
        yield from _wrong_rows(body, record, retired=retired)
    except unreadable() as error:
        yield f"its rows cannot be read: {error}"


def stamp_of(body: bytes) -> str | None:
    """The digest that the object `body`, whose footer can be read, says of its bytes; None where it says none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = (pq.read_metadata(pa.BufferReader(body)).metadata or {}).get(STAMP_KEY.encode())
    return None if found is None else found.decode("latin-1")


def is_whole(body: bytes, record: Record) -> bool:
    """Whether `body` is as it was written: by its stamp, or where it has none, by all else that can be checked."""
    stamp = stamp_of(body)
    return next(inspect_object(body, record), None) is None if stamp is None else stamp_holds(body, stamp)


def _wrong_rows(body: bytes, record: Record, *, retired: bool) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True) as file:
        content, rows = ContentDigest(file.schema_arrow), 0
        for batch in file.iter_batches(batch_size=ROW_GROUP_ROWS):
            content.add(batch)
            rows += batch.num_rows
    if retired:
        return
    if rows != record.rows:
        yield f"its record counts {record.rows} rows, {rows} can be read"
    if record.content is not None and content.hex() != record.content:
        yield "its rows do not have the content digest that its record says"
