"""Answers that look wrong, as a person sees them: exit status, quarantine, status, and the lines of the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.surfaces.test_types_round_trip import answering

from coleta import Project
from coleta.cli.narrator import Narrator
from coleta.collect.tick import Interval
from coleta.runtime.events import Doubted

Call = Callable[..., Any]
Write = Callable[..., Path]


def test_an_answer_with_few_records_ends_with_65_and_its_bytes_are_in_the_quarantine(
    call: Call, write_project: Write
) -> None:
    made = write_project("gerar_compras/5", more='checks = { min_rows = 6, on_few = "reject" }')

    done = call("-C", made, "run", "compras", "--json")

    assert done.status == 65
    assert (done.document["state"], done.document["landed"]) == ("rejected", 0)
    assert "5 records came, at least 6 are expected" in done.document["error"]["what"]
    (page,) = Project.load(made).quarantine("compras")
    assert page.raw.startswith(b"[{")


def test_a_rejected_answer_that_was_right_after_all_is_landed_by_a_replay(call: Call, write_project: Write) -> None:
    made = write_project("gerar_compras/5", more='checks = { min_rows = 6, on_few = "reject" }')
    call("-C", made, "run", "compras")

    done = call("-C", made, "quarantine", "replay", "compras")

    assert done.status == 0
    assert len(Project.load(made).table("compras")) == 5
    assert call("-C", made, "verify").status == 0


def test_an_answer_taken_with_a_warning_lands_and_is_counted_by_status(call: Call, write_project: Write) -> None:
    made = write_project("gerar_compras/5", more='checks = { min_rows = 6, on_few = "warn" }')

    ran = [call("-C", made, "run", "compras") for _ in range(2)]
    shown, document = call("-C", made, "status"), call("-C", made, "status", "--json").document

    assert [done.status for done in ran] == [0, 0]
    assert "taken, but it looks wrong: 5 records came, at least 6 are expected" in ran[0].err
    assert document["streams"][0]["doubted"] == 2
    assert "compras: 2 ticks that were taken look wrong; the newest, " in shown.out
    (status,) = Project.load(made).status()
    assert (status.doubted, status.landed) == (2, 10)


@pytest.mark.parametrize(
    ("then", "status", "said"),
    [
        ("retry", 65, "the answer would be asked again until the deadline, and then rejected: 5 records came"),
        ("reject", 65, "the answer would be rejected: 5 records came"),
        ("warn", 0, "it would be taken, but looks wrong: 5 records came"),
    ],
)
def test_preview_says_what_the_checks_would_do(
    call: Call, write_project: Write, then: str, status: int, said: str
) -> None:
    made = write_project("gerar_compras/5", more=f'checks = {{ min_rows = 6, on_few = "{then}" }}')

    shown, document = call("-C", made, "preview", "compras"), call("-C", made, "preview", "compras", "--json")

    assert shown.status == document.status == status
    assert said in shown.err
    assert document.document["doubt"] == {"what": "5 records came, at least 6 are expected", "then": then}


def test_the_bytes_of_the_answer_before_are_rejected_where_that_is_asked(tmp_path: Path) -> None:
    body = b'[{"id": 1}]'
    with answering(body) as url:
        stream = {"url": url, "every": "1m", "contract": {"id": "int"}, "checks": {"on_same": "reject"}}
        project = Project.define(
            "p",
            root=tmp_path,
            store={"lake": {"url": "file://./lake"}},
            spool={"allow_tmpfs": True},
            stream={"s": stream},
        )
        states = [project.settle("s").state for _ in range(2)]

    assert states == ["ok", "rejected"]
    assert [(one.row, one.raw) for one in project.quarantine("s")] == [(None, body)]
    assert project.table("s").to_arrow(["id"]).to_pylist() == [{"id": 1}]


def test_a_stream_without_checks_has_no_doubts(call: Call, write_project: Write) -> None:
    made = write_project("gerar_compras/1")

    assert call("-C", made, "run", "compras").status == 0
    assert call("-C", made, "status", "--json").document["streams"][0]["doubted"] == 0
    assert "look" not in call("-C", made, "status").out


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ('{ on_few = "warn" }', "checks.on_few: needs min_rows"),
        ("{ min_rows = 0 }", "checks.min_rows: must be at least 1"),
        ('{ on_same = "ignore" }', "checks.on_same: must be"),
        ("{ min_row = 1 }", "unknown key 'min_row'; did you mean 'min_rows'?"),
    ],
)
def test_checks_that_say_nothing_sensible_are_refused(call: Call, write_project: Write, checks: str, said: str) -> None:
    done = call("-C", write_project(more=f"checks = {checks}"), "status")

    assert done.status == 78
    assert said in done.err


def test_the_log_has_a_line_for_each_answer_that_looks_wrong() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    tick = Interval(noon, noon)

    taken, rejected = (
        Narrator().lines(Doubted("compras", tick, "no records came", rejected=rejected), noon)[0]
        for rejected in (False, True)
    )

    assert taken.text.endswith("tick 2026-11-24T12:00:00Z  taken, but it looks wrong: no records came")
    assert rejected.text.endswith("tick 2026-11-24T12:00:00Z  rejected: no records came")
    assert (taken.style, rejected.style) == ("warning", "bad")
