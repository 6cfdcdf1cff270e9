"""Every way to end has its exit status, a few plain lines on stderr, and never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from coleta.cli.doors import Doors
from coleta.wiring import config_schema, open_app, serve_mock, start_demo, write_example

Call = Callable[..., Any]
Write = Callable[..., Path]

DOORS = Doors("1.2.3", open_app, write_example, serve_mock, start_demo, config_schema)
NOBODY = "http://127.0.0.1:1/gerar_compras/5"


def assert_plain(err: str) -> None:
    assert "Traceback" not in err
    assert err.startswith("error: ") or "\nerror: " in err


def this_minute() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:00Z")


# The project file --------------------------------------------------------------------------------


def test_a_wrong_stream_is_78_and_names_the_nearest(call: Call, write_project: Write) -> None:
    done = call("-C", write_project(), "run", "compra")

    assert done.status == 78
    assert_plain(done.err)
    assert "did you mean 'compras'?" in done.err


@pytest.mark.parametrize("words", [["status"], ["up"], ["verify"], ["history", "compras"], ["preview", "compras"]])
def test_a_project_file_that_is_no_toml_is_78_and_says_where(call: Call, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "coleta.toml").write_text("version = = 1\n", encoding="utf-8")

    done = call("-C", tmp_path, *words)

    assert done.status == 78
    assert_plain(done.err)
    assert "coleta.toml" in done.err


def test_no_project_at_all_is_78_and_says_what_to_do(call: Call, tmp_path: Path) -> None:
    done = call("-C", tmp_path, "status")

    assert done.status == 78
    assert_plain(done.err)
    assert "coleta init" in done.err


def test_check_tells_a_wrong_project_file_like_anything_else_that_fails(call: Call, tmp_path: Path) -> None:
    (tmp_path / "coleta.toml").write_text("version = 1\nprojet = 'x'\n", encoding="utf-8")

    plain, as_json = call("-C", tmp_path, "check"), call("-C", tmp_path, "check", "--json")

    assert plain.status == as_json.status == 78
    assert plain.out.startswith("FAILED  project")
    assert as_json.document["ok"] is False
    assert as_json.document["checks"][0]["error"]["code"] == "misconfigured"


def test_init_overwrites_nothing_and_ends_with_78(call: Call, write_project: Write) -> None:
    folder = write_project()
    before = (folder / "coleta.toml").read_bytes()

    done = call("init", folder)

    assert done.status == 78
    assert_plain(done.err)
    assert (folder / "coleta.toml").read_bytes() == before


def test_reading_a_stream_that_never_started_is_78_but_status_and_verify_take_it_as_it_is(
    call: Call, write_project: Write
) -> None:
    folder = write_project()

    assert call("-C", folder, "history", "compras", "--json").document["error"]["code"] == "never_started"
    assert call("-C", folder, "gaps", "compras").status == 78
    assert call("-C", folder, "status", "--json").document["streams"] == [
        {"stream": "compras", "started": False, "paused": None, "table": None}
    ]
    assert call("-C", folder, "status").status == 0
    assert call("-C", folder, "verify").status == 0


# The API -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["run", "compras"], ["run", "compras", "--tick", "first"], ["preview", "compras"]])
def test_an_api_that_is_down_is_69(call: Call, write_project: Write, words: list[str]) -> None:
    folder = write_project(url=NOBODY)

    done = call("-C", folder, *[this_minute() if word == "first" else word for word in words])

    assert done.status == 69
    assert_plain(done.err)
    assert "refused" in done.err


def test_a_gap_is_listed_with_its_reason_and_goes_once_an_answer_replaces_it(call: Call, write_project: Write) -> None:
    folder = write_project("gerar_compras/5?fault=500")
    call("-C", folder, "run", "compras")
    tick = this_minute()
    lost = call("-C", folder, "run", "compras", "--tick", tick, "--json")
    assert (lost.status, lost.document["outcome"], lost.document["error"]["exit_status"]) == (69, "gap", 69)
    listed = call("-C", folder, "gaps", "compras", "--json").document["gaps"]
    assert [(gap["tick"], gap["reason"]) for gap in listed] == [(tick, "http_500")]

    found = call("-C", write_project(), "run", "compras", "--tick", tick)

    assert found.status == 0
    assert call("-C", folder, "gaps", "compras", "--json").document["gaps"] == []


def test_check_tries_the_store_even_if_the_api_is_down_and_ends_with_the_first_failure(
    call: Call, write_project: Write
) -> None:
    done = call("-C", write_project(url=NOBODY), "check")

    assert done.status == 69
    assert [line.split()[:2] for line in done.out.splitlines() if not line.startswith("  ")] == [
        ["ok", "project"],
        ["ok", "contract"],
        ["FAILED", "request"],
        ["ok", "store"],
    ]


def test_a_missing_credential_is_77(call: Call, write_project: Write) -> None:
    folder = write_project(more='headers = { Authorization = "env:A_VARIABLE_THAT_NOBODY_SETS" }')

    for words in (["check"], ["preview", "compras"], ["run", "compras"]):
        done = call("-C", folder, *words)

        assert done.status == 77, words
        assert "A_VARIABLE_THAT_NOBODY_SETS" in done.out + done.err


# The contract ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "preview"])
def test_an_answer_whose_records_all_break_the_contract_is_65(call: Call, write_project: Write, command: str) -> None:
    done = call("-C", write_project("gerar_compras/5?fault=broken"), command, "compras", "--json")

    assert done.status == 65
    assert_plain(done.err)
    assert done.document["error"]["code"] == "over_budget"


def test_an_answer_that_is_not_the_data_is_65_and_is_kept(call: Call, write_project: Write) -> None:
    folder = write_project("gerar_compras/5?fault=error-answer")

    ran, seen = call("-C", folder, "run", "compras", "--json"), call("-C", folder, "preview", "compras", "--json")

    assert ran.status == seen.status == 65
    assert ran.document["outcome"] == "rejected"
    assert seen.document["wrong"]
    (kept,) = ran.document["quarantine"]
    assert (folder / "lake/compras" / kept).is_file()


def test_the_budget_decides_and_what_is_right_lands_anyway(call: Call, write_project: Write) -> None:
    contract_of_rest = 'contract.ean = { type = "int", min = 7890000000000, max = 7895000000000 }'
    strict, lenient = f"budget = 0\n{contract_of_rest}", f"budget = 1\n{contract_of_rest}"
    text = 'contract = { ean = "int", price = "float", store = "int", dateTime = "str" }'

    def rewritten(more: str) -> Path:
        folder: Path = write_project("gerar_compras/50", more=more)
        file = folder / "coleta.toml"
        file.write_text(file.read_text(encoding="utf-8").replace(text, ""), encoding="utf-8")
        return folder

    over = call("-C", rewritten(strict), "run", "compras", "--json")
    within = call("-C", rewritten(lenient), "run", "compras", "--json")

    assert (over.status, within.status) == (65, 0)
    assert over.document["outcome"] == within.document["outcome"] == "ok"
    assert 0 < over.document["quarantined"] < 50
    assert over.document["landed"] + over.document["quarantined"] == 50


# The store and the spool -------------------------------------------------------------------------


def test_a_store_that_is_gone_is_75_since_the_answer_is_safe_and_lands_later(call: Call, write_project: Write) -> None:
    folder = write_project()
    assert call("-C", folder, "run", "compras").status == 0
    (folder / "lake").rename(folder / "elsewhere")

    down = call("-C", folder, "run", "compras", "--json")
    looked = call("-C", folder, "status", "--json").document["streams"][0]
    verified = call("-C", folder, "verify", "--json")

    assert (down.status, down.document["state"]) == (75, "waiting")
    assert "safe in the spool" in down.err
    assert (looked["waiting"], looked["store_reachable"]) == (1, False)
    assert (verified.status, verified.document["streams"][0]["sound"]) == (75, None)
    assert not (folder / "lake").exists(), "the folder of a disk that is away is never made again"

    (folder / "elsewhere").rename(folder / "lake")
    back = call("-C", folder, "run", "compras")
    assert back.status == 0
    assert call("-C", folder, "status", "--json").document["streams"][0]["landed"] == 15


@pytest.mark.parametrize("command", [["run", "compras"], ["check"]])
def test_a_store_that_cannot_be_a_folder_is_told_without_a_traceback(
    call: Call, write_project: Write, command: list[str]
) -> None:
    folder = write_project()
    (folder / "lake").write_text("a file in its place", encoding="utf-8")

    done = call("-C", folder, *command)

    assert done.status in (69, 78)
    assert "lake" in done.out + done.err
    assert "Traceback" not in done.err


def test_a_spool_that_cannot_be_a_folder_is_78(call: Call, write_project: Write) -> None:
    folder = write_project()
    (folder / ".coleta").write_text("a file in its place", encoding="utf-8")

    done = call("-C", folder, "run", "compras")

    assert done.status == 78
    assert_plain(done.err)


@pytest.mark.parametrize("level", ["0", "1", "2", "3"])
def test_an_object_that_is_gone_is_76(call: Call, write_project: Write, level: str) -> None:
    folder = write_project()
    landed = call("-C", folder, "run", "compras", "--json").document["object"]
    (folder / "lake/compras" / landed).unlink()

    done = call("-C", folder, "verify", "--level", level, "--json")

    assert done.status == 76
    assert done.document["sound"] is False
    assert done.document["streams"][0]["findings"][0]["severity"] == "damage"


@pytest.mark.parametrize(
    ("words", "level", "found"),
    [
        ([], 1, False),
        (["--data"], 2, True),
        (["--level", "2"], 2, True),
        (["--replay"], 3, True),
        (["--data", "--subset", "1/1"], 2, True),
        (["--subset", "1/2"], 2, True),
        (["--subset", "2/2"], 2, False),
    ],
)
def test_a_byte_that_was_changed_is_76_where_bytes_are_read(
    call: Call, write_project: Write, words: list[str], level: int, found: bool
) -> None:
    folder = write_project()
    landed = folder / "lake/compras" / call("-C", folder, "run", "compras", "--json").document["object"]
    landed.write_bytes(landed.read_bytes().replace(b"PAR1", b"par1", 1))

    done = call("-C", folder, "verify", *words, "--json")

    assert (done.status, done.document["level"]) == (76 if found else 0, level)
    assert done.document["subset"] == (words[-1] if "--subset" in words else None)
    assert ("changed_object" in done.out) == found


def test_to_lands_in_another_store_for_once(call: Call, write_project: Write, tmp_path: Path) -> None:
    folder = write_project()

    done = call("-C", folder, "run", "compras", "--to", str(tmp_path / "other"), "--json")

    assert done.status == 0
    assert (tmp_path / "other" / "compras" / done.document["object"]).is_file()
    assert not (folder / "lake").exists()


# The command line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["run"],
        ["run", "compras", "--now", "--tick", "x"],
        ["verify", "--level", "7"],
        ["verify", "--subset", "8/7"],
        ["demo", "--every", "3"],
    ],
)
def test_a_wrong_command_line_is_2_and_stdout_stays_empty(call: Call, tmp_path: Path, words: list[str]) -> None:
    done = call("-C", tmp_path, *words)

    assert (done.status, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_a_tick_that_is_none_is_78(call: Call, write_project: Write) -> None:
    done = call("-C", write_project(), "run", "compras", "--tick", "yesterday")

    assert done.status == 78
    assert "20261124T120000Z" in done.err


def test_the_version_and_the_help_are_on_stdout(call: Call) -> None:
    version, help_text = call("--version"), call("--help")

    assert (version.status, version.out) == (0, "coleta 1.2.3\n")
    assert help_text.status == 0
    order = [help_text.out.index(f" {name} ") for name in ("demo", "init", "check", "preview", "run", "up", "status")]
    assert order == sorted(order)


# Bugs and signals --------------------------------------------------------------------------------


def broken(error: BaseException) -> Doors:
    def fail(path: Path, to: str | None) -> NoReturn:
        raise error

    return replace(DOORS, open_app=fail)


def test_a_bug_is_1_and_shows_its_traceback_only_when_asked(call: Call) -> None:
    quiet = call("status", doors=broken(ZeroDivisionError("oh")))
    loud = call("--debug", "status", "--json", doors=broken(ZeroDivisionError("oh")))

    assert quiet.status == loud.status == 1
    assert "bug in Coleta: ZeroDivisionError: oh" in quiet.err
    assert "--debug" in quiet.err
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err
    assert loud.document["error"]["exit_status"] == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_any_command_with_its_status_and_no_words(
    call: Call, number: signal.Signals, status: int
) -> None:
    def interrupted(path: Path, to: str | None) -> NoReturn:
        os.kill(os.getpid(), number)
        raise AssertionError("the signal did not arrive")

    done = call("status", doors=replace(DOORS, open_app=interrupted))

    assert (done.status, done.out, done.err) == (status, "", "")


def test_handlers_of_signals_are_put_back(call: Call) -> None:
    before = signal.getsignal(signal.SIGTERM)

    call("--version")

    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_that_goes_away_is_no_error(child_environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        command = [sys.executable, "-m", "coleta", "--help"]
        done = subprocess.run(
            command, stdout=pipe, stderr=subprocess.PIPE, text=True, env=child_environment, timeout=60
        )

    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_stdout_that_cannot_be_written_is_74(write_project: Write, child_environment: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "coleta", "-C", str(write_project()), "check", "--offline"]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=child_environment, timeout=60
        )

    assert done.returncode == 74
    assert "Traceback" not in done.stderr


def test_what_a_library_does_after_the_end_does_not_change_it(child_environment: dict[str, str]) -> None:
    # As a native library does whose threads are still there when it is taken down.
    program = "import atexit, os; atexit.register(os.abort); from coleta.start import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program, "--version"], env=child_environment, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout[:7], done.stderr) == (0, "coleta ", "")
