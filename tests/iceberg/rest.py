"""A server that plays what Coleta uses of the Iceberg REST catalog protocol. It is no catalog that anybody runs.

Its tables are those of pyiceberg's own catalog in SQLite, and it reads and writes their metadata itself, as such
services do. What it cannot show is whether a given service answers so: see docs/how-to/iceberg.md.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.table import CommitTableRequest, Table

TOKEN = "canary-of-the-token"
CREDENTIAL = "ana:canary-of-the-credential"
PREFIX = "warehouses/7"
"""What the configuration says that the paths of requests begin with, as services with several warehouses do."""


@dataclass
class RestService:
    """A catalog at ``url``. ``faults``: what becomes of the next commits: a status, given in place of the work, or
    after it (negative); 0 closes the connection after it."""

    url: str
    catalog: SqlCatalog
    faults: list[int] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    overrides: dict[str, str] = field(default_factory=dict)
    token: str = TOKEN
    lock: threading.Lock = field(default_factory=threading.Lock)

    def commits(self) -> int:
        """How many changes of a table were asked for."""
        return sum(method == "POST" and path.rpartition("/tables/")[1] != "" for method, path, _ in self.asked)


@contextmanager
def play_rest(folder: Path) -> Iterator[RestService]:
    """Serve until the ``with`` block ends."""

    class Handler(_Handler):
        pass

    folder.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog("behind", uri=f"sqlite:///{folder}/behind.sqlite")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        service = RestService(f"http://127.0.0.1:{server.server_address[1]}/iceberg", catalog)
        Handler.service = service
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
            catalog.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: RestService
    # One write for each answer: with more, the other side waits for the rest of them.
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that its base has
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        with self.service.lock:
            self.service.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            try:
                status, answer = self._answer(parts.path.removeprefix("/iceberg/v1/"), parse_qs(parts.query), body)
            except (NoSuchTableError, NoSuchNamespaceError) as error:
                status, answer = 404, _error(error, 404)
            except (TableAlreadyExistsError, NamespaceAlreadyExistsError, CommitFailedException) as error:
                status, answer = 409, _error(error, 409)
        if status is None:
            self.close_connection = True
            return
        sent = b"" if self.command == "HEAD" or status == 204 else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def _answer(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int | None, object]:
        service = self.service
        if (self.command, path) == ("POST", "oauth/tokens"):
            form = parse_qs(body.decode())
            if [form["client_id"][0], form["client_secret"][0]] != CREDENTIAL.split(":"):
                return 401, {"error": "invalid_client"}
            return 200, {"access_token": service.token, "token_type": "bearer", "expires_in": 3600}
        if self.headers.get("Authorization") != f"Bearer {service.token}":
            return 401, _error(PermissionError("no"), 401)
        if path == "config":
            assert query.get("warehouse") == ["lager"]
            return 200, {"defaults": {}, "overrides": {"prefix": PREFIX, **service.overrides}}
        assert path.startswith(f"{PREFIX}/namespaces"), path
        match self.command, [unquote(one) for one in path.removeprefix(f"{PREFIX}/").split("/")]:
            case "POST", ["namespaces"]:
                asked = json.loads(body)
                service.catalog.create_namespace(tuple(asked["namespace"]), asked["properties"])
                return 200, asked
            case "POST", ["namespaces", namespace, "tables"]:
                return 200, _table(self._create(namespace, body))
            case ("GET" | "HEAD") as method, ["namespaces", namespace, "tables", name]:
                table = service.catalog.load_table((namespace, name))
                return (204, None) if method == "HEAD" else (200, _table(table))
            case "POST", ["namespaces", namespace, "tables", name]:
                return self._commit((namespace, name), body)
        raise AssertionError(f"nothing here answers {self.command} {path}")

    def _create(self, namespace: str, body: bytes) -> Table:
        asked = CreateTableRequest.model_validate_json(body)
        return self.service.catalog.create_table(
            (namespace, asked.name),
            asked.table_schema,
            location=asked.location,
            partition_spec=asked.partition_spec or UNPARTITIONED_PARTITION_SPEC,
            properties=asked.properties,
        )

    def _commit(self, name: tuple[str, str], body: bytes) -> tuple[int | None, object]:
        service = self.service
        fault = service.faults.pop(0) if service.faults else None
        if fault is not None and fault > 0:
            return fault, _error(RuntimeError("made up"), fault)
        asked = CommitTableRequest.model_validate_json(body)
        done = service.catalog.commit_table(service.catalog.load_table(name), asked.requirements, asked.updates)
        if fault is not None:
            return -fault or None, _error(RuntimeError("made up"), -fault)
        return 200, {
            "metadata-location": done.metadata_location,
            "metadata": json.loads(done.metadata.model_dump_json()),
        }

    do_GET = do_POST = do_HEAD = _serve  # noqa: N815  # the names that its base calls


def _table(table: Table) -> object:
    return {
        "metadata-location": table.metadata_location,
        "metadata": json.loads(table.metadata.model_dump_json()),
        "config": {"s3.access-key-id": "of the service"},
    }


def _error(error: Exception, code: int) -> object:
    return {"error": {"message": str(error), "type": type(error).__name__, "code": code}}
