"""Alerts as a person has them: a command of one's own, tried by hand, and run by a service at work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]
Write = Callable[..., Path]

ALERTS = """\
[alerts]
command = ["sh", "-c", "cat > notice.json"]
"""


def test_the_command_is_tried_with_a_notice_that_says_so(call: Call, write_project: Write) -> None:
    folder = write_project(url="http://127.0.0.1:1/", more=ALERTS)

    done = call("-C", folder, "alert", "test")

    assert (done.status, done.out) == (0, "the alert command took the test\n")
    notice = json.loads((folder / "notice.json").read_text())
    assert (notice["project"], notice["test"]) == ("compras", True)
    assert notice["incidents"][0]["what"] == "a test: nothing is wrong"


def test_without_a_command_or_with_one_that_fails_it_says_what_to_do(call: Call, write_project: Write) -> None:
    none = call("-C", write_project(url="http://127.0.0.1:1/"), "alert", "test")
    failing = '[alerts]\ncommand = ["sh", "-c", "exit 4"]\n'
    fails = call("-C", write_project(url="http://127.0.0.1:1/", more=failing), "alert", "test")
    wrong = call("-C", write_project(url="http://127.0.0.1:1/", more='[alerts]\ncommand = "x"\n'), "alert", "test")

    assert [none.status, fails.status, wrong.status] == [78, 78, 78]
    assert "there is no alerts.command" in none.err
    assert "sh ended with status 4" in fails.err
    assert "must be a list of texts" in wrong.err


def test_a_service_that_gives_a_stream_up_tells_it_before_it_ends(call: Call, write_project: Write) -> None:
    folder = write_project(url="http://127.0.0.1:1/", more=ALERTS)
    call("-C", folder, "run", "compras")
    (folder / "lake" / "compras" / "_ledger" / "identity.json").write_text("{}")

    done = call("-C", folder, "up")

    assert done.status == 76
    (incident,) = json.loads((folder / "notice.json").read_text())["incidents"]
    assert (incident["stream"], incident["cause"], incident["state"]) == ("compras", "stopped", "opened")
    assert "given up, until a person acts" in done.err
