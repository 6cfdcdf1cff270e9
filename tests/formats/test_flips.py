"""Whatever byte of whatever file is changed or cut off, an audit that reads every byte finds it, and nothing else."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from coleta.runtime.auditor import whole
from coleta.runtime.inspector import Deep

FLIPS = runpy.run_path(str(Path(__file__).parent / "flips.py"))


@pytest.fixture(scope="module")
def lake():  # type: ignore[no-untyped-def]  # noqa: ANN201
    return FLIPS["build"]()


def test_the_lake_without_damage_gives_no_alarm(lake) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    for deep in (None, Deep(), Deep(replay=True)):
        report = whole(lake.evidence, deep=deep)

        assert report.sound
        # The minute that ends at 00:04 has an answer on demand only.
        assert [one.code for one in report.findings] == ["open"]
    assert all(lake.names(kind) for kind in FLIPS["KINDS"])


def test_random_flips_and_cuts_in_every_kind_of_file_are_all_found(lake) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    found = FLIPS["run"](lake, seed=2026, count=240)

    assert found.missed == []
    assert set(found.tried) == set(FLIPS["KINDS"])
    # A spool file whose version is a greater number may be a newer version's, so no more than a warning can be said.
    assert all("bit" in one and "of 6" in one for one in found.warned)


def test_bytes_that_no_reader_of_parquet_looks_at_are_found_too(lake) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    name = next(one for one in lake.names("data") if one.endswith("000000014.parquet"))
    body = lake.objects[name]
    places = {
        "the first byte": 0,
        "who wrote it": body.rindex(b"parquet-cpp"),
        "its digest": body.rindex(b"coleta.sha256") + 20,
    }
    for what, at in places.items():
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        report = lake.audit("data", name, changed, remembered=False)
        assert [one.code for one in report.findings if one.severity == "damage"] == ["changed_object"], what
        assert "digest was taken" in next(one.what for one in report.findings if one.code == "changed_object")
        objects = {**lake.objects, name: changed}
        store = FLIPS["MemoryStore"](objects)
        assert whole(replace(lake.evidence, store=store)).sound, "reading records alone does not show it"
