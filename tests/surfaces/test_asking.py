"""The commands that ask what has landed: query, quarantine, trace, plan and config, on a real API and a real folder."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.s3.service import S3Service

from coleta import Project
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.errors import WrongQuestion
from coleta.settings.model import TABLES
from coleta.settings.schema import DESCRIPTIONS

Call = Callable[..., Any]
SECOND = """
[stream.never]
url = "{url}"
every = "1h"
deadline = "1s"
contract = {{ ean = "int", price = "float?" }}
"""


@pytest.fixture(scope="module")
def shaky_api() -> Iterator[str]:
    with serve_in_background(Settings(seed=7, rate_broken=0.2)) as url:
        yield url


@pytest.fixture
def folder(write_project: Callable[..., Path], shaky_api: str, call: Call) -> Path:
    """A project with two answers of 50 purchases, some of them broken, and a stream that was never started."""
    url = f"{shaky_api}/gerar_compras/50"
    made = write_project(url=url, more="budget = 1.0" + SECOND.format(url=url))
    for _ in range(2):
        assert call("-C", made, "run", "compras").status == 0
    return made


def test_a_question_about_some_dates_has_the_rows_of_ticks_of_these_dates_only(folder: Path, call: Call) -> None:
    project = Project.load(folder)
    days = {one.tick.date() for one in project.history("compras")}
    first, last = min(days), max(days)
    count = "SELECT count(*) FROM compras"

    def found(*options: str) -> object:
        return call("-C", folder, "query", count, "--json", *options).document["rows"][0][0]

    everything = found()
    assert everything == len(project.table("compras"))
    assert found("--from", str(first), "--to", str(last)) == everything
    assert found("--to", str(first - timedelta(days=1))) == 0
    assert project.query(count, since=last + timedelta(days=1)).to_pylist() == [{"count_star()": 0}]
    assert len(project.table("compras", until=last)) == everything
    assert len(project.table("compras", since=last + timedelta(days=1))) == 0
    wrong = call("-C", folder, "query", count, "--from", "yesterday")
    assert (wrong.status, "no date" in wrong.err) == (2, True)


def test_a_stream_its_ticks_and_its_quarantine_are_tables_and_they_balance(folder: Path, call: Call) -> None:
    sql = (
        "SELECT (SELECT count(*) FROM compras) AS landed, (SELECT count(*) FROM compras_quarantine) AS quarantined,"
        " sum(received) AS received, count(*) FROM compras_ticks"
    )
    found = call("-C", folder, "query", sql, "--json").document

    assert found["columns"] == ["landed", "quarantined", "received", "count_star()"]
    ((landed, quarantined, received, ticks),) = found["rows"]
    assert (landed + quarantined, ticks) == (received, 2)
    assert quarantined > 0


def test_only_what_the_records_name_is_read(folder: Path, call: Call) -> None:
    before = call("-C", folder, "query", "SELECT count(*) FROM compras", "--csv").out
    (named, *_) = (folder / "lake/compras/data").rglob("*.parquet")
    shutil.copy(named, named.with_name("999999999.parquet"))

    assert call("-C", folder, "query", "SELECT count(*) FROM compras", "--csv").out == before


def test_a_stream_that_was_never_started_is_an_empty_table_with_its_columns(folder: Path, call: Call) -> None:
    found = call("-C", folder, "query", "SELECT * FROM never", "--json").document

    assert found == {"columns": ["ean", "price", "_tick", "_row", "_fetched_at"], "rows": []}


def test_csv_is_all_of_it_and_a_table_is_cut(folder: Path, call: Call) -> None:
    whole = call("-C", folder, "query", "SELECT * FROM range(60)", "--csv")
    shown = call("-C", folder, "query", "SELECT * FROM range(60)")

    assert whole.out.splitlines() == ["range", *map(str, range(60))]
    assert (len(shown.out.splitlines()), "first 50" in shown.err) == (51, True)


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT * FROM nope", "SELECT nope FROM compras", "SELECT 'a'::INT"])
def test_a_question_that_is_none_is_told_plainly(folder: Path, call: Call, sql: str) -> None:
    done = call("-C", folder, "query", sql, "--json")

    assert (done.status, done.document["error"]["code"]) == (2, "wrong_question")
    assert "Traceback" not in done.err


def test_sql_downloads_nothing_and_cannot_change_what_has_landed(folder: Path, call: Call) -> None:
    away = call("-C", folder, "query", "SELECT * FROM 'https://example.com/a.parquet'")
    change = call("-C", folder, "query", "DELETE FROM compras")

    assert (away.status, change.status) == (2, 2)
    assert "httpfs" in away.err


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")])
def test_a_damaged_object_is_damage_and_no_mistake_of_who_asks(
    folder: Path, call: Call, damage: Callable[[Path], object]
) -> None:
    damage(next((folder / "lake/compras/data").rglob("*.parquet")))

    done = call("-C", folder, "query", "SELECT sum(ean) FROM compras", "--json")

    assert (done.status, done.document["error"]["code"]) == (76, "corrupt")


def test_a_folder_whose_name_looks_like_a_pattern_is_taken_as_it_is(
    tmp_path: Path, api: str, call: Call, write_project: Callable[..., Path]
) -> None:
    made = write_project("gerar_compras/5").rename(tmp_path / "a [b] *it's?")
    call("-C", made, "run", "compras")

    assert call("-C", made, "query", "SELECT count(*) AS n FROM compras", "--csv").out == "n\n5\n"


def test_contracts_that_differ_are_put_together_by_the_names_of_their_columns(folder: Path, call: Call) -> None:
    file = folder / "coleta.toml"
    text = file.read_text(encoding="utf-8").replace('store = "int", dateTime', 'product = "str?", dateTime')
    file.write_text(text, encoding="utf-8")
    call("-C", folder, "run", "compras")

    sql = "SELECT count(*) = count(store) + count(product) AS all_of_them, count(product) > 0 AS some FROM compras"
    assert call("-C", folder, "query", sql, "--csv").out == "all_of_them,some\ntrue,true\n"


def test_a_bucket_is_asked_too_and_a_stream_may_be_named_twice(tmp_path: Path, api: str, s3: S3Service) -> None:
    project = Project.define(
        "compras",
        root=tmp_path,
        environment=s3.environment(),
        store={"lake": {"url": s3.url()}},
        spool={"allow_tmpfs": True},
        stream={"compras": {"url": f"{api}/gerar_compras/5", "every": "1m", "contract": {"ean": int}}},
    )
    project.run("compras")
    project.run("compras")

    assert project.query("SELECT count(*) AS n FROM compras a JOIN compras b USING (_tick, _row)").to_pylist() == [
        {"n": 10}
    ]


def test_the_quarantine_is_counted_and_shown_and_its_bytes_are_the_very_ones(folder: Path, call: Call) -> None:
    files = call("-C", folder, "quarantine", "ls", "--json").document["files"]
    records = call("-C", folder, "quarantine", "show", "compras", "--json").document["records"]
    raw = call("-C", folder, "quarantine", "show", "compras", "--raw").out

    assert sum(one["count"] for one in files) == len(records) > 0
    assert raw == "".join(one["raw"] + "\n" for one in records)


def test_the_quarantine_is_narrowed_by_tick_and_by_reason(folder: Path, call: Call) -> None:
    everything = call("-C", folder, "quarantine", "show", "compras", "--json").document["records"]
    tick, reason = everything[0]["tick"], everything[0]["reason"]
    few = call("-C", folder, "quarantine", "show", "compras", "--tick", tick, "--reason", reason, "--json")
    counted = call("-C", folder, "quarantine", "ls", "compras", "--tick", tick, "--reason", reason, "--json")

    expected = [one for one in everything if (one["tick"], one["reason"]) == (tick, reason)]
    assert few.document["records"] == expected
    assert len(expected) < len(everything)
    assert sum(one["count"] for one in counted.document["files"]) == len(expected)
    assert call("-C", folder, "quarantine", "ls", "--tick", "yesterday").status == 2


def test_a_landed_record_is_followed_back_to_its_tick_its_answer_and_its_object(folder: Path, call: Call) -> None:
    project = Project.load(folder)
    row = project.table("compras").to_arrow().to_pylist()[-1]
    where = f"dateTime={row['dateTime']}"

    found = call("-C", folder, "trace", "compras", "--where", where, "--json").document["records"][-1]

    newest = project.history("compras")[-1]
    assert (found["found_in"], found["object"], found["seq"]) == ("table", newest.object, newest.seq)
    assert found["before"] == project.history("compras")[0].object
    assert (found["record"]["ean"], found["row"]) == (row["ean"], row["_row"])


def test_a_record_of_an_answer_that_was_rejected_whole_is_found(
    write_project: Callable[..., Path], shaky_api: str, call: Call
) -> None:
    made = write_project(url=f"{shaky_api}/gerar_compras/50", more='on_violation = "reject"\nbudget = 1.0')
    call("-C", made, "run", "compras")
    (page,) = Project.load(made).quarantine("compras")
    purchase = next(one for one in json.loads(page.raw) if isinstance(one, dict) and type(one.get("ean")) is int)

    (found, *_) = Project.load(made).trace("compras", {"ean": str(purchase["ean"])})

    assert (found.row, found.file, str(found.account.outcome)) == (None, page.file, "rejected")


def test_several_records_are_all_shown_up_to_the_limit(folder: Path, call: Call) -> None:
    stores = call("-C", folder, "query", "SELECT store, count(*) AS n FROM compras GROUP BY 1 ORDER BY 2", "--json")
    store, count = stores.document["rows"][-1]
    words = ("-C", folder, "trace", "compras", "--where", f"store={store}", "--json", "--limit")
    few, many = call(*words, 2).document, call(*words, 1000).document

    assert (len(few["records"]), few["more"]) == (2, True)
    assert (sum(one["found_in"] == "table" for one in many["records"]), many["more"]) == (count, False)


@pytest.mark.parametrize("where", ["nope=1", "ean=x", "ean", "=1"])
def test_a_column_or_a_value_that_there_is_not_is_told(folder: Path, call: Call, where: str) -> None:
    done = call("-C", folder, "trace", "compras", "--where", where, "--json")

    assert (done.status, done.document["error"]["code"]) == (2, "wrong_question")


def test_a_plan_counts_what_the_schedules_and_the_landing_will_ask_for(folder: Path, call: Call) -> None:
    found = call("-C", folder, "plan", "--days", 2, "--json").document

    compras, never = found["streams"]
    assert (compras["ticks"], compras["requests"], never["ticks"]) == (2 * 1440, 2 * 1440, 48)
    # An object for each minute, and one at the begin of each of the three dates that two days touch at most.
    assert 2 * 1440 < compras["objects"] <= 2 * 1440 + 3
    assert compras["gets"] == compras["objects"]
    assert compras["puts"] == compras["objects"] + 2 * 1440, "each answer had one quarantine file"
    assert found["spool_hours"] is None


def test_landing_less_often_plans_fewer_objects(write_project: Callable[..., Path], call: Call) -> None:
    made = write_project(more='land = { every = "1h" }')

    (compras,) = call("-C", made, "plan", "--days", 10, "--json").document["streams"]

    # The oldest answer waits an hour, so that 60 land together; and a few more where dates meet.
    assert 240 <= compras["objects"] <= 240 + 3 * 11


@pytest.mark.parametrize(
    ("more", "each_tick", "each_object"),
    [
        ('archive = "landed"', 1, 0),
        ('archive = "first"', 1, 0),
        ('table = "delta"', 0, 1.2),
        ('table = "iceberg"', 0, 3),
    ],
)
def test_copies_for_the_archive_and_commits_of_a_table_are_planned(
    write_project: Callable[..., Path], call: Call, more: str, each_tick: float, each_object: float
) -> None:
    land = 'land = { every = "10m" }'
    plans = []
    for written in (land, f"{more}\n{land}"):
        made = write_project(more=written)
        (compras,) = call("-C", made, "plan", "--days", 10, "--json").document["streams"]
        plans.append(compras)
    without, found = plans

    objects = without["objects"] - 10  # ten or eleven dates begin with one that has no rows
    assert found["puts"] - without["puts"] == pytest.approx(each_tick * 14400 + each_object * objects, abs=4)
    assert found["objects"] == pytest.approx(without["objects"], abs=1)


def test_a_live_answer_says_for_how_long_the_spool_has_room_and_lands_nothing(
    write_project: Callable[..., Path], call: Call
) -> None:
    made = write_project("gerar_compras/50")

    found = call("-C", made, "plan", "--ask", "--json").document

    hours = found["quota_bytes"] / (found["streams"][0]["spool_bytes"] / (30 * 24))
    assert found["spool_hours"] == pytest.approx(hours)
    assert not (made / "lake").exists()


def test_a_plan_comes_true(write_project: Callable[..., Path], call: Call) -> None:
    made = write_project("gerar_compras/5")
    for _ in range(3):
        call("-C", made, "run", "compras")

    (stored,) = call("-C", made, "plan", "--days", 1, "--json").document["streams"]
    weight = sum(path.stat().st_size for path in (made / "lake/compras/data").rglob("*.parquet"))

    assert stored["object_bytes"] == pytest.approx(1440 * weight / 3)
    assert stored["puts"] == stored["objects"], "no answer had anything for the quarantine"


def test_the_schema_of_the_project_file_has_a_line_for_each_key(call: Call) -> None:
    schema = json.loads(call("config", "schema").out)

    assert schema == Project.config_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for keys, model in TABLES.items():
        table = schema if not keys else schema["$defs"][model.__name__]
        assert list(table["properties"]) == list(model.model_fields) == list(DESCRIPTIONS[keys])
        assert all(key["description"] for key in table["properties"].values())
        assert table["additionalProperties"] is False


def test_the_schema_shows_values_as_they_are_written(call: Call) -> None:
    tables = json.loads(call("config", "schema").out)["$defs"]

    assert tables["SpoolTable"]["properties"]["quota"]["default"] == "10GB"
    assert tables["LandTable"]["properties"]["every"]["default"] == "0s"
    assert tables["StreamTable"]["required"] == ["contract"]


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        *[("int", True), ("decimal(9,2)?", True), ("$.user.login", True), ("list[str]? $.tags", True)],
        *[("integer", False), ("$.user.login?", False), ("int$.id", False)],
    ],
)
def test_the_schema_takes_the_words_of_a_field_that_the_project_file_takes(written: str, fits: bool) -> None:
    kinds = Project.config_schema()["$defs"]["Field"]["anyOf"]  # type: ignore[index]

    assert any(re.search(kind["pattern"], written) for kind in kinds if "pattern" in kind) == fits


def test_nothing_that_never_started_is_made_up(write_project: Callable[..., Path]) -> None:
    project = Project.load(write_project())

    assert project.query("SELECT count(*) AS n FROM compras_ticks").to_pylist() == [{"n": 0}]
    with pytest.raises(WrongQuestion):
        project.query("SELECT 1 FROM elsewhere")
