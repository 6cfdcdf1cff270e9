"""Azure Blob Storage on this machine: Azurite, Microsoft's own emulator, for as long as a ``with`` block runs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import IO
from urllib.parse import quote
from urllib.request import Request, urlopen

from coleta.adapters.housekeeping import CloudHousekeeping
from coleta.adapters.object_store import CloudStore
from coleta.stream import Store

ACCOUNT = "coletalake"
ACCOUNT_KEY = base64.b64encode(b"canary-of-the-account-key").decode()
CONTAINER = "lake"
START_S = 30.0
"""It listens within a second on an idle machine."""
_VERSION = "2021-08-06"
_HERE = Path(__file__).parents[2] / "tools/azurite/node_modules/azurite/dist/src/blob/main.js"
_LISTENING = re.compile(rb"listens on (http://127\.0\.0\.1:[0-9]+)")

# It must not outlive the tests even after kill -9: a pipe that nobody holds any more ends it. It is given no time for
# that, since it would wait for the connections that clients keep.
_GUARD = 'exec 3<&0; "$@" </dev/null 3<&- & pid=$!; (cat <&3 >/dev/null; kill -9 $pid 2>/dev/null) & wait $pid'

_numbers = count(1)


def find_azurite() -> list[str] | None:
    """The command that starts it, which ``make azurite`` brings; None where it is not installed."""
    node = shutil.which("node")
    return None if node is None or not _HERE.is_file() else [node, str(_HERE)]


@dataclass(frozen=True, slots=True)
class AzureService:
    """A running Azurite at ``endpoint``, which may be a proxy's address. ``login``: the variables that let one in."""

    endpoint: str
    login: dict[str, str] = field(default_factory=lambda: {"AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY})
    account: str = ACCOUNT

    def at(self, endpoint: str) -> AzureService:
        """The same service behind another address."""
        return replace(self, endpoint=endpoint)

    def environment(self) -> dict[str, str]:
        """The variables with which it is reached."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": self.account,
            "AZURE_STORAGE_ENDPOINT": self.endpoint,
            **self.login,
        }

    def url(self) -> str:
        """A place in the container that nothing lies in yet."""
        return f"az://{CONTAINER}/test-{next(_numbers)}"

    def store(self, store: Store | None = None, *, known: bool = False) -> CloudStore:
        """A store at `store`, or at a new place."""
        variables = self.environment()
        return CloudStore(store or Store(self.url()), environment=lambda: variables, folder=Path(), known=known)

    def lander(self, store: Store, *, known: bool = False) -> CloudStore:
        """A store at `store` for somebody who may read, write and list, and not delete."""
        return replace(self, login={"AZURE_STORAGE_SAS_TOKEN": sas_token("rcwl")}).store(store, known=known)

    def with_housekeeping(self) -> tuple[CloudStore, CloudHousekeeping]:
        """A store at a new place, and what can delete there."""
        place, variables = Store(self.url()), self.environment()
        return self.store(place), CloudHousekeeping(place, environment=lambda: variables, folder=Path())


@contextmanager
def serve_azurite(command: list[str], log: Path) -> Iterator[AzureService]:
    """Serve blobs from memory, with one container; says where when it is ready."""
    with log.open("w+b") as output:
        process = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", *command, "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence",
             "--skipApiVersionCheck", "--disableTelemetry"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, bufsize=0, start_new_session=True,
            env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            found = _await(process.stdout)
            assert found is not None, f"Azurite did not start: {log.read_text()}"
            service = AzureService(found[1].decode())
            _create_container(service)
            yield service
        finally:
            process.stdin.close()
            process.wait(10)
            process.stdout.close()


def _await(said: IO[bytes]) -> re.Match[bytes] | None:
    """Read what it says until it listens; at most so many lines and so long as no start takes."""
    for _ in range(20):
        if not select.select([said], [], [], START_S)[0]:
            return None
        found = _LISTENING.search(said.readline())
        if found is not None:
            return found
    return None


def _sign(text: str) -> str:
    return base64.b64encode(hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256)).decode()


def _create_container(service: AzureService) -> None:
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    path = f"/{ACCOUNT}/{CONTAINER}"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{now}\nx-ms-version:{_VERSION}\n/{ACCOUNT}{path}\nrestype:container"
    headers = {
        "x-ms-date": now,
        "x-ms-version": _VERSION,
        "Authorization": f"SharedKey {ACCOUNT}:{_sign(text)}",
        "Content-Length": "0",
    }
    with urlopen(Request(f"{service.endpoint}{path}?restype=container", method="PUT", headers=headers)) as answer:
        assert answer.status == 201


def sas_token(permissions: str, *, hours: float = 1) -> str:
    """A shared access signature for the container."""
    until = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = [permissions, "", until, f"/blob/{ACCOUNT}/{CONTAINER}", "", "", "", _VERSION, "c", *[""] * 7]
    signature = quote(_sign("\n".join(fields)), safe="")
    return f"sv={_VERSION}&sr=c&sp={permissions}&se={quote(until, safe='')}&sig={signature}"
