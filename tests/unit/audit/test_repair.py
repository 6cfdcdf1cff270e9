"""What follows from a finding: each code has a cure or a step of its own, with commands that a person can copy."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from coleta.audit.finding import Finding
from coleta.audit.repair import Place, contradiction, cure_of, is_missing, missing_rollups, settled_spool_step, step_for
from coleta.land.commit import Committed, Head
from coleta.land.record import encode_record, record_digest
from coleta.testing.samples import sample_identity, sample_record

FOLDER = Place("compras", "file:///data/my%20lake", "compras", "/home/p/.coleta/compras")
BUCKET = Place("compras", "s3://bucket/prefix/", "compras", "/home/p/.coleta/compras", "s3://copy")
PAGE = (Path(__file__).parents[3] / "docs/reference/commands.md").read_text(encoding="utf-8")

GENERAL = {"broken_law"}
"""Nothing can be done about a commit that breaks a law; a person must find out why it does."""


def damage(code: str, where: str = "data/x.parquet") -> Finding:
    return Finding("damage", code, where, "as planned")


def codes() -> list[str]:
    """Every code of damage that the page of commands names."""
    table = PAGE.partition("Those of damage:")[2].partition("And of warnings")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    return [code for row in rows for code in re.findall(r"`(\w+)`", row)]


def test_every_code_of_damage_has_a_step_of_its_own() -> None:
    unknown = step_for(damage("of another version"), FOLDER)

    assert len(codes()) > 15
    assert {code for code in codes() if step_for(damage(code), FOLDER) == unknown} == GENERAL


@pytest.mark.parametrize("code", sorted(set(codes()) - GENERAL))
def test_no_step_has_a_gap_in_its_text(code: str) -> None:
    for place in (FOLDER, BUCKET):
        for good in (None, "the copy"):
            step = step_for(damage(code), place, good=good)
            assert not re.search(r"\{\w*\}|None|  ", step), step
            assert len(step) > 20


def test_what_is_in_the_way_in_a_folder_is_moved_by_a_command_that_can_be_copied() -> None:
    step = step_for(damage("changed_object"), FOLDER, good="the copy")

    moving = "mkdir -p '/data/my lake/_set_aside/compras/data' && mv '/data/my lake/compras/data/x.parquet' "
    assert f"{moving}'/data/my lake/_set_aside/compras/data/x.parquet'" in step
    assert step.startswith("with every collector of this stream stopped, ")
    assert "then coleta repair compras puts its right bytes, from the copy" in step


def test_what_is_in_the_way_in_a_bucket_is_moved_and_its_versions_can_be_looked_for() -> None:
    step = step_for(damage("changed_quarantine", "_quarantine/a.jsonl.zst"), BUCKET)

    key = "prefix/compras/_quarantine/a.jsonl.zst"
    assert f"aws s3 mv s3://bucket/{key} s3://bucket/prefix/_set_aside/compras/_quarantine/a.jsonl.zst" in step
    assert f"aws s3api list-object-versions --bucket bucket --prefix {key}" in step
    assert "coleta repair compras --from s3://copy" in step


def test_of_other_stores_the_step_says_what_to_move_where() -> None:
    gs, az = replace(BUCKET, store="gs://bucket/prefix"), replace(BUCKET, store="az://container")
    changed = damage("changed_terms", "_ledger/terms/a.json")

    assert "gcloud storage mv gs://bucket/prefix/compras/_ledger/terms/a.json gs://bucket/" in step_for(changed, gs)
    assert "gcloud storage ls --all-versions gs://bucket/prefix/compras/_ledger" in step_for(changed, gs)
    moving = "move az://container/compras/_ledger/terms/a.json to az://container/_set_aside/compras/_ledger/terms/"
    assert moving in step_for(changed, az)


def test_what_is_missing_can_be_put_and_what_is_wrong_cannot() -> None:
    assert [code for code in codes() if is_missing(damage(code))] == [
        "missing_object", "missing_identity", "missing_terms", "missing_quarantine", "missing_archive",
    ]  # fmt: skip
    assert all(cure_of(damage(code)) != "none" for code in codes() if is_missing(damage(code)))


def test_a_name_with_a_quote_stays_one_word_of_the_shell() -> None:
    step = settled_spool_step(damage("damaged_spool", "it's.spool"), FOLDER)

    assert """rm '/home/p/.coleta/compras/damaged/it'"'"'s.spool'""" in step


def chain(commits: int) -> tuple[list[Committed], Head]:
    head, found = Head.genesis(sample_identity()), []
    for n in range(commits):
        record = sample_record(head, ticks=(n,))
        committed = Committed(head.next, record, record_digest(encode_record(record)))
        head = head.after(committed)
        found.append(committed)
    return found, head


def test_a_memory_that_is_a_chain_does_not_contradict_itself() -> None:
    commits, head = chain(5)

    assert contradiction(commits, head) is None
    assert contradiction(commits[2:], head) is None
    assert contradiction([], None) is None
    assert contradiction(commits[:1], None) is None


def test_a_memory_with_a_break_or_another_end_contradicts_itself() -> None:
    commits, head = chain(5)

    assert "commit 4" in (contradiction([*commits[:2], *commits[3:]], head) or "")
    assert "commit 2" in (contradiction([replace(commits[0], digest="0"), *commits[1:]], head) or "")
    assert "ends with commit 5" in (contradiction(commits, replace(head, digest="0" * 64)) or "")


def test_the_roll_ups_that_a_log_lacks_are_counted_by_its_commits() -> None:
    listed = ["_ledger/rollup/000002000.json.zst", "_ledger/rollup/strange"]

    assert missing_rollups(listed, 3_999) == ("_ledger/rollup/000001000.json.zst", "_ledger/rollup/000003000.json.zst")
    assert missing_rollups([], 999) == ()
