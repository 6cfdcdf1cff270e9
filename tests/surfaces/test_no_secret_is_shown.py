"""A secret is sent to the API, and is found nowhere else: in no output, and in no file of spool or store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

CANARY = "canary-5f3a9c-do-not-show"

Call = Callable[..., Any]
Write = Callable[..., Path]


class Handler(BaseHTTPRequestHandler):
    """Answers with one purchase those who know the secret, and 401 all others; echoes it in a cookie."""

    def do_POST(self) -> None:  # the name is http.server's
        """Give a token, and another refresh token, to who has the one before."""
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        known = CANARY in form and self.headers["Authorization"].startswith("Basic ")
        good = f'{{"access_token": "{CANARY}-token", "refresh_token": "{CANARY}-next", "expires_in": 3600}}'
        body = (good if known else f'{{"error": "{CANARY}"}}').encode()
        self.send_response(200 if known else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:  # the name is http.server's
        token = self.headers.get("Authorization") == f"Bearer {CANARY}-token"
        known = self.headers.get("X-Api-Key") == CANARY or token
        failing = self.path.startswith("/failing")
        body = b'[{"ean": 1, "price": 2.5, "store": 11, "dateTime": "now"}]' if known else b"no"
        self.send_response(500 if failing else 200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", f"session={self.headers.get('X-Api-Key')}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is http.server's
        """Say nothing."""


@pytest.fixture
def guarded() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_secret_reaches_the_api_and_nothing_else(call: Call, write_project: Write, guarded: str) -> None:
    header = 'headers = { X-Api-Key = "env:COMPRAS_KEY" }\nparams = { who = "env:COMPRAS_KEY" }'
    said = ""
    statuses = []
    for path, commands in {
        "": (["check"], ["preview", "compras", "--json"], ["run", "compras", "--json"]),
        "failing": (["run", "compras"], ["--debug", "run", "compras", "--json"], ["check"], ["status"], ["verify"]),
        "shown": (["config", "show"], ["config", "show", "--json"]),
    }.items():
        folder = write_project(url=f"{guarded}/{path}?api_key={CANARY}", more=header)
        (folder / ".env").write_text(f"COMPRAS_KEY={CANARY}\n", encoding="utf-8")
        for words in commands:
            done = call("-C", folder, *words)
            said += done.out + done.err
            statuses.append(done.status)

    assert statuses == [0, 0, 0, 69, 69, 69, 0, 0, 0, 0]
    assert CANARY not in said
    files = [path for place in ("lake", ".coleta") for path in (folder / place).rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [str(path) for path in files if CANARY.encode() in path.read_bytes()] == []


def test_a_token_and_what_it_is_asked_with_are_shown_nowhere(call: Call, write_project: Write, guarded: str) -> None:
    auth = f"""auth = "erp"
        [auth.erp]
        token_url = "{guarded}/token?key={CANARY}"
        client_id = "{CANARY}"
        client_secret = "env:SECRET"
        refresh_token = "env:REFRESH"
    """
    commands = [
        words.split()
        for words in (
            "check",
            "preview compras --json",
            "run compras --json",
            "--debug run compras --now",
            "status --json",
            "history compras",
            "verify",
            "config show",
            "config show --json",
        )
    ]
    folder = write_project(url=f"{guarded}/", more=auth)
    said = ""
    for refresh, expected in ((CANARY, 0), ("wrong", 77)):
        (folder / ".env").write_text(f"SECRET={CANARY}\nREFRESH={refresh}\n", encoding="utf-8")
        done = [call("-C", folder, *words) for words in commands]
        said += "".join(one.out + one.err for one in done)
        assert done[0].status == expected, done[0]

    assert CANARY not in said
    kept = folder / ".coleta" / "_tokens" / "erp"
    assert CANARY in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    files = [path for place in ("lake", ".coleta") for path in (folder / place).rglob("*") if path.is_file()]
    assert [str(path) for path in files if CANARY.encode() in path.read_bytes() and path != kept] == []


def test_credentials_that_the_api_refuses_are_77(call: Call, write_project: Write, guarded: str) -> None:
    folder = write_project(url=f"{guarded}/", more='headers = { X-Api-Key = "env:COMPRAS_KEY" }')
    (folder / ".env").write_text("COMPRAS_KEY=wrong-one\n", encoding="utf-8")

    for words in (["check"], ["preview", "compras"], ["run", "compras"]):
        done = call("-C", folder, *words)

        assert done.status == 77, words
        assert "wrong-one" not in done.out + done.err
