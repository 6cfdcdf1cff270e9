"""One batch becomes one data object: rows, quarantine and accounts agree, whatever the answers hold."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coleta.collect.carry import Carried
from coleta.collect.spool import Header, Spooled, SpoolFile
from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Int, Str
from coleta.errors import Corrupt
from coleta.land.batch import Batch, choose
from coleta.land.commit import Committed, Head, Ready, sift
from coleta.land.compose import Composed, Source, compose, compose_turn
from coleta.land.quarantine import QuarantineObject
from coleta.land.record import Account, Author, Outcome, Record, encode_record, record_digest
from coleta.runtime.log import read_commit
from coleta.terms import Terms
from coleta.testing.memory import MemorySpool, MemoryStore
from coleta.testing.samples import (
    NOON,
    UUID,
    sample_gaps,
    sample_header,
    sample_identity,
    sample_page,
    sample_tick,
    sample_trailer,
)

TERMS = Terms(Contract((Field("id", Int()), Field("name", Str(), nullable=True))))
AUTHOR = Author(owner="one", tool="coleta 1", nonce="ab" * 16, now=NOON + timedelta(minutes=9))
HEAD = Head.genesis(sample_identity())


class Desk:
    """A spool whose entries are composed, and the object that comes of it."""

    def __init__(self, *, terms: Terms = TERMS) -> None:
        self.spool = MemorySpool(uuid=UUID, now=lambda: NOON)
        self.terms = terms

    def answer(
        self,
        n: int,
        *pages: object,
        wrong: str | None = None,
        encoding: str | None = None,
        header: Header | None = None,
    ) -> Spooled:
        wires = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in pages]
        header = replace(header or sample_header(n), terms=self.terms)
        draft = self.spool.draft(header)
        for number, wire in enumerate(wires, start=1):
            draft.page(replace(sample_page(number), encoding=encoding), wire)
        return draft.accept(replace(sample_trailer(header, wires), wrong=wrong))

    def gaps(self, *ns: int) -> Spooled:
        header = replace(sample_gaps(*ns), terms=self.terms)
        draft = self.spool.draft(header)
        return draft.accept(sample_trailer(header, []))

    def read(self, entry: Spooled) -> SpoolFile:
        return self.spool.read(entry)

    def batch(self, head: Head = HEAD) -> Batch:
        ready = sift(self.spool.contents().waiting, head, set()).ready
        batch = choose(ready, folder=NOON.date(), max_bytes=1 << 30)
        assert batch is not None
        return batch

    def compose(self, head: Head = HEAD) -> Made:
        sink = io.BytesIO()
        composed = compose(self.batch(head), head, AUTHOR, source=Source(self.read), sink=sink)
        return Made(composed, sink.getvalue())


@dataclass
class Made:
    composed: Composed
    body: bytes

    @property
    def record(self) -> Record:
        return self.composed.record

    @property
    def account(self) -> Account:
        (account,) = self.record.accounts
        return account

    def rows(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = pq.read_table(io.BytesIO(self.body)).to_pylist()
        return rows

    def quarantined(self) -> list[dict[str, object]]:
        (one,) = self.composed.quarantine
        return [json.loads(line) for line in plain(one).decode().splitlines()]


def plain(one: QuarantineObject) -> bytes:
    with pa.CompressedInputStream(io.BytesIO(one.body), "zstd") as stream:
        read: bytes = stream.read()
        return read


def test_good_records_land_and_their_account_says_so() -> None:
    desk = Desk()
    entry = desk.answer(1, [{"id": 7, "name": "a"}, {"id": 8, "name": None}])

    made = desk.compose()

    assert [(row["id"], row["name"], row["_tick"], row["_row"]) for row in made.rows()] == [
        (7, "a", sample_tick(1).end, 0),
        (8, None, sample_tick(1).end, 1),
    ]
    assert {row["_fetched_at"] for row in made.rows()} == {entry.received_at}
    assert made.account == Account(
        tick=sample_tick(1),
        settles=(sample_tick(1),),
        outcome=Outcome.OK,
        answer=entry.trailer.answer,
        response=entry.trailer.response,
        attempts=1,
        pages=1,
        scheduled=sample_tick(1).end,
        asked_at=entry.asked_at,
        received_at=entry.received_at,
        received=2,
        landed=2,
    )
    assert made.composed.quarantine == ()


def test_the_record_says_whose_it_is_and_what_comes_next() -> None:
    desk = Desk()
    desk.answer(1, [{"id": 7, "name": "a"}])

    record = desk.compose().record

    assert (record.uuid, record.project, record.stream) == (UUID, "compras", "compras")
    assert (record.seq, record.prev, record.kind) == (1, None, "batch")
    assert record.next == "data/tick_date=2026-11-24/000000002.parquet"
    assert (record.owner, record.tool, record.nonce, record.created) == ("one", "coleta 1", "ab" * 16, AUTHOR.now)
    assert (record.terms, record.schedule) == (TERMS.digest, {"every_s": 60.0})
    assert record.rows == 1
    assert record.content is not None


def test_the_object_holds_the_very_record_and_continues_the_log() -> None:
    desk = Desk()
    desk.answer(1, [{"id": 7, "name": "a"}])
    made = desk.compose()

    found = read_commit(MemoryStore({HEAD.next: made.body}), HEAD.next)

    assert found == Committed(HEAD.next, made.record, record_digest(encode_record(made.record)))
    assert HEAD.after(found).answered.intervals == (sample_tick(1),)


def test_an_empty_answer_is_an_outcome_of_its_own() -> None:
    desk = Desk()
    desk.answer(1, [])

    made = desk.compose()

    assert (made.account.outcome, made.account.received, made.record.rows) == (Outcome.EMPTY, 0, 0)
    assert made.rows() == []


def test_an_answer_without_a_body_is_empty_where_it_was_accepted() -> None:
    desk = Desk()
    desk.answer(1, b"")

    assert desk.compose().account.outcome is Outcome.EMPTY


def test_bad_records_go_to_the_quarantine_with_their_bytes_and_reasons() -> None:
    desk = Desk()
    entry = desk.answer(1, b'[{"id":1,"name":"a"},{"id" : "two"},  {"name":"c"}]')

    made = desk.compose()

    assert [row["id"] for row in made.rows()] == [1]
    assert [(line["tick"], line["row"], line["path"], line["reason"], line["raw"]) for line in made.quarantined()] == [
        ("20261124T120100Z", 1, "$.id", "type", '{"id" : "two"}'),
        ("20261124T120100Z", 2, "$.id", "missing", '{"name":"c"}'),
    ]
    assert (made.account.outcome, made.account.received, made.account.landed) == (Outcome.OK, 3, 1)
    assert made.account.quarantined == 2
    (file,) = made.record.quarantine
    assert (file.answer, file.holds, file.count) == (entry.trailer.answer, "records", 2)
    assert file.reasons == {"missing": 1, "type": 1}


def test_a_quarantine_file_is_named_by_its_bytes() -> None:
    import hashlib

    desk = Desk()
    desk.answer(1, [{"id": "x"}])

    (one,) = desk.compose().composed.quarantine

    assert one.file.sha256 == hashlib.sha256(one.body).hexdigest()
    assert one.file.path == f"_quarantine/20261124T120100Z-{one.file.sha256[:16]}.jsonl.zst"


def test_half_of_a_character_is_kept_as_it_was_written() -> None:
    desk = Desk()
    raw = b'{"id":"\\ud800","name":"\\ud800"}'
    desk.answer(1, b"[" + raw + b"]")

    (line,) = desk.compose().quarantined()

    assert str(line["raw"]).encode() == raw


@pytest.mark.parametrize("unknown", ["drop", "keep", "reject"])
@pytest.mark.parametrize("name", ["\\ud800", "caf\\u00e9"])
def test_a_name_that_no_text_can_hold_does_not_stop_landing(unknown: str, name: str) -> None:
    terms = replace(TERMS, unknown=unknown)  # type: ignore[arg-type]
    desk = Desk(terms=terms)
    desk.answer(1, b'[{"id":1,"name":"a","' + name.encode() + b'":3},{"id":2,"name":"b"}]')

    made = desk.compose()

    assert made.account.received == (0 if made.account.outcome is Outcome.REJECTED else 2)
    assert made.account.balances
    assert read_commit(MemoryStore({HEAD.next: made.body}), HEAD.next) is not None


def test_where_every_record_is_broken_the_tick_is_rejected() -> None:
    desk = Desk()
    desk.answer(1, [{"id": "one"}, {"id": "two"}])

    made = desk.compose()

    assert (made.account.outcome, made.account.reason) == (Outcome.REJECTED, "contract")
    assert (made.account.received, made.account.quarantined) == (2, 2)
    assert len(made.quarantined()) == 2


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_an_answer_that_is_not_the_data_is_rejected_with_its_bytes(encoding: str | None) -> None:
    desk = Desk()
    bodies = [b"<html>page one</html>", b"<html>page two</html>"]
    desk.answer(1, *(gzip.compress(one) if encoding else one for one in bodies), wrong="HTML", encoding=encoding)

    made = desk.compose()

    assert (made.account.outcome, made.account.reason) == (Outcome.REJECTED, "HTML")
    assert (made.account.received, made.record.rows) == (0, 0)
    assert [plain(one) for one in made.composed.quarantine] == bodies
    assert [(one.file.holds, one.file.reasons) for one in made.composed.quarantine] == [("page", {"HTML": 1})] * 2


def test_an_answer_that_turns_out_not_to_be_records_is_rejected_and_none_of_it_lands() -> None:
    desk = Desk()
    desk.answer(1, [{"id": 1, "name": "a"}], b'{"error": "no more"}')
    desk.answer(2, [{"id": 2, "name": "b"}])

    made = desk.compose()

    assert [account.outcome for account in made.record.accounts] == [Outcome.REJECTED, Outcome.OK]
    assert [row["id"] for row in made.rows()] == [2]
    assert len(made.composed.quarantine) == 2


def test_terms_may_refuse_a_whole_answer_for_one_record() -> None:
    desk = Desk(terms=replace(TERMS, on_violation="reject"))
    desk.answer(1, [{"id": 1, "name": "a"}, {"id": "x"}])

    made = desk.compose()

    assert (made.account.outcome, made.record.rows) == (Outcome.REJECTED, 0)


def test_gaps_have_accounts_and_no_rows() -> None:
    desk = Desk()
    desk.gaps(1, 2)

    made = desk.compose()

    assert [(one.tick, one.settles, one.outcome) for one in made.record.accounts] == [
        (sample_tick(1), (sample_tick(1),), Outcome.GAP),
        (sample_tick(2), (sample_tick(2),), Outcome.GAP),
    ]
    assert {(one.reason, one.attempts, one.answer) for one in made.record.accounts} == {("unreachable", 3, None)}
    assert made.rows() == []


def test_two_answers_land_in_tick_order_and_a_gap_after_them() -> None:
    desk = Desk()
    desk.gaps(0)
    desk.answer(3, [{"id": 3, "name": "c"}])
    desk.answer(1, [{"id": 1, "name": "a"}])

    made = desk.compose()

    assert [row["id"] for row in made.rows()] == [1, 3]
    assert [one.tick for one in made.record.accounts] == [sample_tick(1), sample_tick(3), sample_tick(0)]


def test_places_of_rows_count_through_pages_and_bad_records() -> None:
    desk = Desk()
    desk.answer(1, [{"id": 1, "name": "a"}, {"id": "x"}], [], [{"id": 2, "name": "b"}])

    made = desk.compose()

    assert [(row["id"], row["_row"]) for row in made.rows()] == [(1, 0), (2, 2)]
    assert [line["row"] for line in made.quarantined()] == [1]
    assert (made.account.pages, made.account.received) == (3, 3)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_compressed_pages_land_as_plain_ones_do(encoding: str) -> None:
    plain_desk, packed = Desk(), Desk()
    page = [{"id": 1, "name": "a"}]
    plain_desk.answer(1, page)
    packed.answer(1, gzip.compress(json.dumps(page).encode()), encoding=encoding)

    assert packed.compose().record.content == plain_desk.compose().record.content


def test_the_counts_of_repeats_nulls_and_unknown_names_are_in_the_account() -> None:
    desk = Desk(terms=replace(TERMS, key=("id",), on_violation="null"))
    desk.answer(1, [{"id": 1, "name": "a", "color": 1}, {"id": 1, "name": "b"}, {"id": 2, "name": 5}])

    account = desk.compose().account

    assert (account.received, account.landed, account.deduplicated, account.nulled) == (3, 2, 1, 1)
    assert account.drift == {"color": 1}


def test_an_answer_covered_in_part_settles_only_the_rest() -> None:
    desk = Desk()
    desk.answer(1, [{"id": 1, "name": "a"}])
    half = sample_tick(1).end - timedelta(seconds=30)
    head = replace(HEAD, answered=HEAD.answered.add(Interval(sample_tick(1).start, half)))

    made = desk.compose(head)

    assert made.account.tick == sample_tick(1)
    assert made.account.settles == (Interval(half, sample_tick(1).end),)
    assert made.composed.unfit == ()


@pytest.mark.parametrize("body", [b"<html>", b'[{"id":"x"}]'])
def test_an_answer_covered_in_part_that_is_no_data_voids_the_composition(body: bytes) -> None:
    desk = Desk()
    entry = desk.answer(1, body)
    half = sample_tick(1).end - timedelta(seconds=30)
    head = replace(HEAD, answered=HEAD.answered.add(Interval(sample_tick(1).start, half)))

    assert desk.compose(head).composed.unfit == (entry,)
    assert desk.compose().composed.unfit == ()


def test_carried_state_is_completed_by_what_the_trailer_knows() -> None:
    desk = Desk()
    header = replace(sample_header(1), carried=Carried(None, {"cursor": 1}), terms=TERMS)
    wire = b"[]"
    draft = desk.spool.draft(header)
    draft.page(sample_page(), wire)
    draft.accept(replace(sample_trailer(header, [wire]), after={"cursor": 2}))

    made = desk.compose(replace(HEAD, carried={"cursor": 1}))

    assert made.account.carried == Carried(None, {"cursor": 1}, {"cursor": 2})


def test_an_answer_got_without_checking_certificates_says_so() -> None:
    desk = Desk()
    header = replace(sample_header(1), terms=TERMS)
    draft = desk.spool.draft(header)
    draft.page(replace(sample_page(), tls_verified=False), b"[]")
    draft.accept(sample_trailer(header, [b"[]"]))

    assert desk.compose().account.tls_verified is False


def test_composing_twice_gives_the_same_rows_and_quarantine() -> None:
    desk = Desk()
    desk.answer(1, [{"id": 1, "name": "a"}, {"id": "x"}])

    first, second = desk.compose(), desk.compose()

    assert first.record == second.record
    assert first.composed.quarantine == second.composed.quarantine


def test_a_damaged_answer_stops_the_composition() -> None:
    desk = Desk()
    entry = desk.answer(1, [{"id": 1, "name": "a"}])
    accepted_at, body = desk.spool.files[entry.name]
    desk.spool.files[entry.name] = (accepted_at, body[:-1])
    batch = desk.batch()

    with pytest.raises(Corrupt, match="cut short"):
        compose(batch, HEAD, AUTHOR, source=Source(desk.read), sink=io.BytesIO())


def test_an_answer_that_stands_in_a_batch_twice_is_refused_by_the_log() -> None:
    desk = Desk()
    entry = desk.answer(1, [{"id": 1, "name": "a"}])
    batch = Batch(NOON.date(), TERMS, (Ready(entry, settles=(sample_tick(1),)),) * 2)

    record = compose(batch, HEAD, AUTHOR, source=Source(desk.read), sink=io.BytesIO()).record
    with pytest.raises(Corrupt, match="settled twice"):
        HEAD.after(Committed(HEAD.next, record, "x"))


def test_a_turn_has_no_rows_and_names_the_folder_of_the_batch() -> None:
    desk = Desk()
    desk.answer(1, [{"id": 1, "name": "a"}])
    tomorrow = replace(desk.batch(), day=NOON.date() + timedelta(days=1))
    sink = io.BytesIO()

    record = compose_turn(tomorrow, HEAD, AUTHOR, sink=sink)

    assert (record.kind, record.rows, record.accounts, record.seq) == ("turn", 0, (), 1)
    assert record.next == "data/tick_date=2026-11-25/000000002.parquet"
    found = read_commit(MemoryStore({HEAD.next: sink.getvalue()}), HEAD.next)
    assert found is not None
    assert HEAD.after(found).next == record.next


def test_a_thousand_small_pages_make_a_few_row_groups() -> None:
    desk = Desk()
    desk.answer(1, *([{"id": n, "name": "a"}] for n in range(1_000)))

    made = desk.compose()

    footer = pq.read_metadata(io.BytesIO(made.body))
    assert (footer.num_rows, footer.num_row_groups) == (1_000, 1)
