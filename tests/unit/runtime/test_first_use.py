"""Streams are opened side by side: nothing may depend on who reads the first file, or the first record, of a kind."""

from __future__ import annotations

import subprocess
import sys

RACE = """
import sys, tempfile, threading
from datetime import UTC, datetime
from pathlib import Path
import coleta.runtime.service
from coleta.adapters.disk_spool import DiskSpool
from coleta.adapters.sqlite_index import SqliteIndex
from coleta.land.commit import Head, Identity
from coleta.land.record import decode_record, encode_record
from coleta.terms import Terms, canonical
from coleta.testing.samples import UUID, sample_header, sample_identity, sample_record, sample_terms, spooled_answer

folder = Path(tempfile.mkdtemp())
genesis = Head.genesis(sample_identity())
def spool(read_only=True):
    now = lambda: datetime.now(UTC)
    return DiskSpool(folder / "spool", uuid=UUID, quota_bytes=1 << 30, now=now, read_only=read_only)
def index(read_only=True):
    return SqliteIndex(folder / "index", uuid=UUID, read_only=read_only)
spooled_answer(spool(read_only=False))
first = index(read_only=False); first.enter(genesis, None); first.close()
record = encode_record(sample_record(genesis))
DOORS = [
    spool,
    lambda: Terms.from_json(canonical(sample_terms())),
    lambda: Identity.from_json(sample_identity().to_json()),
    lambda: decode_record("a", record),
    lambda: index().close(),
]
sys.setswitchinterval(1e-6)
for door in DOORS:
    gate = threading.Barrier(4)
    def go():
        gate.wait()
        door()
    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_several_threads_may_be_the_first_to_read_a_thing() -> None:
    for _ in range(6):
        done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True)

        assert (done.returncode, done.stderr) == (0, "")
