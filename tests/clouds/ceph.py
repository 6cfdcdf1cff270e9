"""A real Ceph on this machine, in memory: one monitor, one store of objects, and radosgw, which speaks S3.

It needs Debian's ``radosgw``, ``ceph-mon`` and ``ceph-osd``. No manager runs, since nothing here asks for statistics.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.s3.service import ADMIN, S3Service

from coleta.adapters.s3_credentials import Keys
from coleta.adapters.s3_lifecycle import signed
from coleta.demo_api.seaweedfs import Login
from coleta.stream import Hidden

NEEDED = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool")
START_LIMIT_S = 120

_SETTINGS = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2}/0,v1:127.0.0.1:{v1}/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {folder}/keyring
run dir = {folder}
admin socket =
pid file =
log file = {folder}/$name.log
crash dir = {folder}
mon data = {folder}/mon
osd data = {folder}/osd
ms bind port min = 20800
ms bind port max = 21200
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd crush chooseleaf type = 0
osd class load list = *
osd class default list = *
mon allow pool size one = true
paxos propose interval = 0.05
rgw enable apis = s3
"""


def missing_programs() -> list[str]:
    """What of Ceph is not installed here."""
    return [name for name in NEEDED if shutil.which(name) is None]


@contextmanager
def serve_ceph(folder: Path) -> Iterator[S3Service]:
    """Serve S3 from Ceph, with the bucket ``lake`` and the login ``ADMIN``, until the ``with`` block ends."""
    v2, v1, s3 = _free_ports(3)
    settings = folder / "ceph.conf"
    text = _SETTINGS.format(fsid=uuid.uuid4(), v2=v2, v1=v1, folder=folder)
    settings.write_text(text, encoding="utf-8")
    for name in ("mon", "osd"):
        (folder / name).mkdir()
    with ExitStack() as running:
        _start_monitor(folder, running, f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]")
        _start_store(folder, running)
        user = ("user", "create", "--uid=coleta", "--display-name=coleta")
        _call(folder, "radosgw-admin", *user, f"--access-key={ADMIN.access_key}", f"--secret-key={ADMIN.secret_key}")
        _start(folder, running, "radosgw", "-n", "client.admin", f"--rgw-frontends=beast endpoint=127.0.0.1:{s3}")
        endpoint = f"http://127.0.0.1:{s3}"
        _await(endpoint)
        _make_bucket(f"{endpoint}/lake", ADMIN)
        yield S3Service(endpoint)


def _start_monitor(folder: Path, running: ExitStack, address: str) -> None:
    keys, known = folder / "keyring", folder / "monmap"
    everything = [word for of in ("mon", "osd", "mgr") for word in ("--cap", of, "allow *")]
    _call(None, "ceph-authtool", "--create-keyring", keys, "--gen-key", "-n", "mon.", *everything[:3])
    _call(None, "ceph-authtool", keys, "--gen-key", "-n", "client.admin", *everything)
    _call(folder, "monmaptool", "--create", "--addv", "a", address, known)
    _call(folder, "ceph-mon", "--mkfs", "-i", "a", "--monmap", known)
    _start(folder, running, "ceph-mon", "-i", "a")


def _start_store(folder: Path, running: ExitStack) -> None:
    keys, name = folder / "osd" / "keyring", str(uuid.uuid4())
    _call(folder, "ceph", "osd", "new", name, "0")
    _call(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", name, "--mkkey", "--no-mon-config", "--keyring", keys)
    _call(folder, "ceph", "auth", "add", "osd.0", "osd", "allow *", "mon", "allow profile osd", "-i", keys)
    _start(folder, running, "ceph-osd", "-i", "0", "--keyring", keys)


def _call(folder: Path | None, program: str, *words: str | Path) -> None:
    settings: list[str | Path] = [] if folder is None else ["-c", folder / "ceph.conf"]
    done = subprocess.run(
        [program, *settings, *words], capture_output=True, text=True, timeout=START_LIMIT_S, check=False
    )
    assert done.returncode == 0, f"{program}: {done.stderr[-2_000:]}"


def _start(folder: Path, running: ExitStack, program: str, *words: str | Path) -> None:
    with (folder / f"{program}.out").open("wb") as out:
        process = subprocess.Popen([program, "-c", folder / "ceph.conf", "-f", *words], stdout=out, stderr=out)
    running.callback(process.wait)
    running.callback(process.kill)


def _await(endpoint: str) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while True:
        with suppress(OSError), urllib.request.urlopen(endpoint, timeout=5):
            return
        assert time.monotonic() < limit, "radosgw does not answer"
        time.sleep(0.1)


def _make_bucket(url: str, login: Login) -> None:
    keys = Keys(login.access_key, login.secret_key)
    headers = signed("PUT", url, keys, region="us-east-1", now=datetime.now(UTC), query="")
    sent = {name: value.value if isinstance(value, Hidden) else str(value) for name, value in headers}
    with urllib.request.urlopen(urllib.request.Request(url, headers=sent, method="PUT"), timeout=60):
        pass


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
