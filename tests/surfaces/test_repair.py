"""The commands that mend, redrive and move, as a person has them: on a real folder and a real API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest

from coleta import Project
from coleta.collect.spool import opening, parse
from coleta.collect.spool import page as page_bytes

Call = Callable[..., Any]

WRONG = 'contract = { ean = "int", price = "int", store = "int", dateTime = "str" }'
RIGHT = 'contract = { ean = "int", price = "float", store = "int", dateTime = "str" }'


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "coleta.toml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def folder(write_project: Callable[..., Path], call: Call) -> Path:
    """A project with an answer of 50 purchases, each of which broke the contract that it had."""
    made = write_project("gerar_compras/50", more="budget = 1.0")
    edit(made, RIGHT, WRONG)
    assert call("-C", made, "run", "compras").status == 65
    return made


def landed(folder: Path, call: Call) -> tuple[int, int]:
    (stream,) = call("-C", folder, "status", "--json").document["streams"]
    return stream.get("landed", 0), stream.get("quarantined", 0)


# The quarantine ------------------------------------------------------------------------------------


def test_once_the_contract_is_corrected_a_replay_lands_what_it_had_refused(folder: Path, call: Call) -> None:
    assert landed(folder, call) == (0, 50)
    edit(folder, WRONG, RIGHT)

    seen = call("-C", folder, "quarantine", "replay", "--dry-run")
    assert (seen.status, landed(folder, call)) == (0, (0, 50))
    assert "50 records would land; 0 records or pages would stay" in seen.err
    done = call("-C", folder, "quarantine", "replay", "compras", "--json").document

    assert (done["streams"][0]["landed"], done["streams"][0]["left"]) == (50, 0)
    assert landed(folder, call) == (50, 0)
    assert call("-C", folder, "verify").status == 0
    assert call("-C", folder, "quarantine", "ls", "--json").document == {"files": []}
    again = call("-C", folder, "quarantine", "replay", "--json")
    assert (again.status, again.document["streams"]) == (0, [])
    (tick,) = call("-C", folder, "history", "compras", "--json").document["ticks"]
    assert (tick["outcome"], tick["received"], tick["landed"], tick["quarantined"]) == ("rejected", 50, 50, 0)


def test_what_still_breaks_the_contract_is_told_with_its_reason(folder: Path, call: Call) -> None:
    done = call("-C", folder, "quarantine", "replay", "compras", "--reason", "type")

    assert (done.status, "all of it still breaks the contract" in done.out) == (0, True)
    assert "0 records landed; 50 records or pages stay there" in done.err


def test_a_discard_asks_first_and_nobody_who_cannot_be_asked_loses_anything(folder: Path, call: Call) -> None:
    files = sorted((folder / "lake/compras/_quarantine").iterdir())

    refused = call("-C", folder, "quarantine", "discard", "compras")
    looked = call("-C", folder, "quarantine", "discard", "compras", "--dry-run", "--json")

    assert (refused.status, "--yes" in refused.err) == (2, True)
    assert [one["count"] for one in looked.document["files"]] == [50]
    assert sorted((folder / "lake/compras/_quarantine").iterdir()) == files


def test_what_is_discarded_is_gone_from_the_disk_and_the_books_still_balance(folder: Path, call: Call) -> None:
    done = call("-C", folder, "quarantine", "discard", "compras", "--yes", "--json")

    assert (done.status, done.document["deleted"]) == (0, 1)
    assert list((folder / "lake/compras/_quarantine").iterdir()) == []
    assert call("-C", folder, "verify").status == 0
    assert call("-C", folder, "quarantine", "show", "compras", "--json").document["records"] == []
    again = call("-C", folder, "quarantine", "discard", "compras", "--yes", "--json")
    assert (again.status, again.document["files"], again.document["deleted"]) == (0, [], 0)


def test_the_methods_of_the_same_names_do_the_same(folder: Path) -> None:
    edit(folder, WRONG, RIGHT)
    project = Project.load(folder)

    assert project.discard("compras", dry_run=True).files[0].count == 50
    assert project.replay(dry_run=True)["compras"].landed == 50
    assert project.replay("compras", reason="type")["compras"].landed == 50
    assert len(project.table("compras")) == 50
    assert project.discard("compras").files == ()
    assert project.replay() == {}


# Gaps ----------------------------------------------------------------------------------------------


def test_a_gap_is_asked_for_again_until_the_api_gives_an_answer(write_project: Callable[..., Path], call: Call) -> None:
    made = write_project("gerar_compras/5?fault=500", every="1h")
    call("-C", made, "run", "compras", "--now")
    first = json.loads((made / "lake/compras/_ledger/identity.json").read_text())["first_tick"]
    assert call("-C", made, "run", "compras", "--tick", first).status == 69

    looked = call("-C", made, "gaps", "--fill", "--dry-run", "--json")
    assert (looked.status, looked.document["streams"][0]["asked"]) == (0, 1)
    outside = call("-C", made, "gaps", "compras", "--fill", "--to", "2020-01-01T00:00:00Z", "--json")
    assert (outside.status, outside.document["streams"][0]["remaining"]) == (0, 0)
    still = call("-C", made, "gaps", "compras", "--fill", "--json")
    assert (still.status, still.document["streams"][0]["remaining"]) == (75, 1)

    filled = call("-C", write_project("gerar_compras/5", every="1h"), "gaps", "--fill")

    assert filled.status == 0
    assert "compras: 1 asked for again, 1 answered, 0 remain" in filled.out
    assert call("-C", made, "gaps", "compras", "--json").document["gaps"] == []
    assert call("-C", made, "gaps", "--json").document["streams"][0]["gaps"] == []
    assert Project.load(made).fill()[0].asked == 0


def test_what_goes_with_filling_only_is_refused_without_it(write_project: Callable[..., Path], call: Call) -> None:
    assert call("-C", write_project(), "gaps", "compras", "--dry-run").status == 2


# Pausing -------------------------------------------------------------------------------------------


def test_a_stream_is_paused_and_goes_on_and_status_shows_it(write_project: Callable[..., Path], call: Call) -> None:
    made = write_project()
    assert call("-C", made, "run", "compras").status == 0

    looked = call("-C", made, "pause", "compras", "--dry-run", "--json").document
    assert (looked["changed"], Project.load(made).status()[0].paused) == (True, None)
    paused = call("-C", made, "pause", "compras", "--json").document
    again = call("-C", made, "pause", "compras", "--json").document
    assert (paused["changed"], again["changed"], again["paused"]) == (True, False, paused["paused"])
    assert call("-C", made, "status", "--json").document["streams"][0]["paused"] == paused["paused"]
    assert "paused" in call("-C", made, "status").out

    gone_on = call("-C", made, "resume", "compras")

    assert (gone_on.status, gone_on.out) == (0, "compras: not paused\n")
    assert "was before" in call("-C", made, "resume", "compras").out
    assert call("-C", made, "status", "--json").document["streams"][0]["paused"] is None


def test_a_running_collector_heeds_a_pause_within_a_tick(
    write_project: Callable[..., Path], call: Call, start: Callable[..., Any]
) -> None:
    made = write_project(every="1s")
    running = start("-C", made, "up")
    until(lambda: landed(made, call)[0] > 0)

    call("-C", made, "pause", "compras")
    until(lambda: any(gap["reason"] == "paused" for gap in gaps(made, call)))
    call("-C", made, "resume", "compras")
    before = landed(made, call)[0]
    until(lambda: landed(made, call)[0] > before)

    running.terminate()
    assert running.wait(20) == 143
    assert call("-C", made, "verify", "--json").document["sound"] is True


def gaps(folder: Path, call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("-C", folder, "gaps", "compras", "--json").document["gaps"]
    return found


def until(true: Callable[[], bool]) -> None:
    """Look again until it is `true`, for 30 s at most: another process is at work."""
    end = monotonic() + 30
    while not true():
        assert monotonic() < end, "it never came true"
        Event().wait(0.1)


# Raw answers ---------------------------------------------------------------------------------------


@pytest.fixture
def kept(write_project: Callable[..., Path], call: Call) -> tuple[Path, bytes]:
    """A project with an answer that waits, since its store is away; and the page that came."""
    made = write_project()
    assert call("-C", made, "run", "compras").status == 0
    (made / "lake/_coleta").rename(made / "lake/away")
    assert call("-C", made, "run", "compras").status in (69, 75)
    (made / "lake/away").rename(made / "lake/_coleta")
    (file,) = (made / ".coleta/compras/waiting").iterdir()
    ((_, page),) = parse(file.name, file.read_bytes()).pages
    return made, page


def test_an_answer_at_hand_is_listed_and_written_out(
    kept: tuple[Path, bytes], call: Call, process: Callable[..., Any]
) -> None:
    made, page = kept

    (one,) = call("-C", made, "raw", "ls", "--json").document["answers"]
    by_id = process("-C", made, "raw", "cat", "compras", one["answer"], "--wire")
    by_tick = process("-C", made, "raw", "cat", "compras", one["tick"], "--page", "1")

    assert (by_id.status, by_id.out.encode()) == (0, page)
    assert json.loads(by_tick.out) == json.loads(page)
    assert call("-C", made, "raw", "cat", "compras", one["answer"], "--page", "7").status == 2
    assert call("-C", made, "raw", "cat", "compras", "0" * 16).status == 2
    assert Project.load(made).raw("compras")[0].answer == one["answer"]


def test_of_a_damaged_file_the_pages_that_another_follows_are_written(
    kept: tuple[Path, bytes], call: Call, process: Callable[..., Any]
) -> None:
    made, page = kept
    (file,) = (made / ".coleta/compras/waiting").iterdir()
    damaged = made / ".coleta/compras/damaged" / file.name
    whole = parse(file.name, file.read_bytes())
    ((head, _),) = whole.pages
    pages = [piece for number in (1, 2) for piece in page_bytes(replace(head, number=number), page)]
    damaged.write_bytes(b"".join([opening(whole.header), *pages]))  # cut short: there is no trailer
    file.unlink()

    (one,) = call("-C", made, "raw", "ls", "compras", "--json").document["answers"]
    done = process("-C", made, "raw", "cat", "compras", one["answer"], "--wire")

    assert (done.status, done.out.encode()) == (76, page)
