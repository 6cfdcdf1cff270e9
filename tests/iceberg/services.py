"""Catalogs for tests: a real PostgreSQL, and one that plays a REST catalog, as a project names them."""

from __future__ import annotations

import os
import pwd
import re
import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import IO

from coleta.stream import SecretRef, Store

PASSWORD = "canary-of-the-password"
START_S = 30.0
"""It is ready within a second on an idle machine."""
_READY = re.compile(rb"ready to accept connections")

# It must not outlive the tests even after kill -9: a pipe that nobody holds any more ends it.
_GUARD = 'exec 3<&0; "$@" </dev/null 3<&- & pid=$!; (cat <&3 >/dev/null; kill -QUIT $pid 2>/dev/null) & wait $pid'

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class CatalogService:
    """A catalog that runs: what a store says of it, and the variables that it is reached with."""

    place: Store
    variables: Mapping[str, str]
    url: str

    def name(self) -> tuple[str, str]:
        """A table's name that nothing has yet."""
        return f"loja{next(_numbers)}", "compras"


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs, where they and its driver are installed."""
    if find_spec("psycopg") is None:
        return None
    found = shutil.which("postgres")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


@contextmanager
def serve_postgres(programs: Path) -> Iterator[CatalogService]:
    """Serve an empty database whose user needs a password."""
    # Not in the tests' own folder, which another user cannot enter: PostgreSQL does not run as root.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="coleta-pg-"))
    try:
        (folder / "password").write_text(PASSWORD)
        if user is not None:
            for path in (folder, folder / "password"):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            folder / "data",
            "-U",
            "ana",
            "--pwfile",
            folder / "password",
        ]
        done = subprocess.run(
            [*initdb, "-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale", "C"],
            user=user, cwd=folder, capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        with _running(programs, folder, user) as port:
            url = f"postgresql+psycopg://ana:{PASSWORD}@127.0.0.1:{port}/postgres"
            yield CatalogService(Store("", catalog=SecretRef("env:CATALOG_URL")), {"CATALOG_URL": url}, url)
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(programs: Path, folder: Path, user: str | None) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    settings = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *(f"--{one}" for one in settings)]
    process = subprocess.Popen(
        ["sh", "-c", _GUARD, "sh", *command],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True, user=user, cwd=folder,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        assert _is_ready(process.stderr), "PostgreSQL did not start"
        yield port
    finally:
        process.stdin.close()
        process.wait(10)
        process.stderr.close()


def _is_ready(said: IO[bytes]) -> bool:
    """Read what it says until it is ready; at most so many lines and so long as no start takes."""
    for _ in range(50):
        if not select.select([said], [], [], START_S)[0]:
            return False
        if _READY.search(said.readline()):
            return True
    return False
