from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from coleta.cli.narrator import Narrator
from coleta.collect.spool import Gap, Spooled, Trailer
from coleta.collect.tick import Interval
from coleta.land.commit import Committed
from coleta.land.record import Account, Outcome, Record
from coleta.runtime.events import (
    Accepted,
    AskAgain,
    Asking,
    Damaged,
    Event,
    Gapped,
    Landed,
    Opened,
    Stopped,
    Superseded,
    Trouble,
)
from coleta.testing.samples import sample_header, sample_tick

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def said(*events: Event, narrator: Narrator | None = None, now: datetime = NOON) -> list[str]:
    narrator = narrator or Narrator()
    return [line.text for event in events for line in narrator.lines(event, now)]


def landed(*accounts: Account) -> Landed:
    record = Record(
        uuid="u", project="compras", stream="compras", seq=1, prev=None, next="", kind="batch", terms="t",
        created=NOON, owner="o", tool="t", nonce="n", accounts=accounts,
    )  # fmt: skip
    return Landed("compras", Committed("data/1.parquet", record, "d"))


def account(n: int = 0, *, received: int = 50, quarantined: int = 0, outcome: Outcome = Outcome.OK) -> Account:
    tick = sample_tick(n)
    return Account(
        tick=tick, settles=(tick,), outcome=outcome, asked_at=NOON, received_at=NOON + timedelta(milliseconds=35),
        received=received, landed=received - quarantined, quarantined=quarantined,
    )  # fmt: skip


def trouble(what: str, *, where: str = "store", after: timedelta = SECOND) -> Trouble:
    return Trouble("compras", where, what, NOON + after)


def gaps(*ns: int, reason: str = "missed") -> Gapped:
    return Gapped("compras", tuple(Gap(sample_tick(n), reason, "no collector was running") for n in ns))


def spooled() -> Spooled:
    return Spooled("name", sample_header(), Trailer(answer="a"), asked_at=NOON, received_at=NOON, size_bytes=1)


def test_a_landed_tick_has_one_line_with_all_that_became_of_it() -> None:
    (line,) = said(landed(account(quarantined=1)))

    assert line == (
        "2026-11-24T12:00:00Z  compras  tick 2026-11-24T12:00:00Z  ok  "
        "50 received, 49 landed, 1 quarantined  data/1.parquet  35 ms"
    )


def test_in_brief_the_day_and_the_stream_are_left_out() -> None:
    (line,) = said(landed(account()), narrator=Narrator(brief=True))

    assert line == "12:00:00  tick 12:00:00  ok  50 received, 50 landed  data/1.parquet  35 ms"


def test_each_answer_of_a_commit_has_its_line_and_gaps_have_had_theirs_before() -> None:
    gap = replace(account(2, received=0), outcome=Outcome.GAP)

    lines = said(landed(account(0), account(1), gap))

    assert [line.split()[3] for line in lines] == ["2026-11-24T12:00:00Z", "2026-11-24T12:01:00Z"]


def test_an_answer_that_is_not_the_data_says_why() -> None:
    rejected = replace(account(received=0), outcome=Outcome.REJECTED, reason="an array was expected")

    assert "rejected  an array was expected" in said(landed(rejected))[0]


def test_a_few_gaps_have_a_line_each_and_many_share_one() -> None:
    assert len(said(gaps(0, 1, 2))) == 3
    (line,) = said(gaps(*range(1440)))
    assert "1440 ticks from 2026-11-24T12:00:00Z to 2026-11-25T11:59:00Z  gap (missed): no collector" in line


def test_gaps_of_two_causes_do_not_share_a_line() -> None:
    both = Gapped("compras", (*gaps(*range(5)).gaps, *gaps(*range(5, 10), reason="dns").gaps))

    assert [("missed" in line, "dns" in line) for line in said(both)] == [(True, False), (False, True)]


def test_a_trouble_is_told_once_for_its_cause_and_so_is_its_end() -> None:
    lines = said(trouble("no route"), trouble("no route"), trouble("no route"), landed(account()))

    assert [line.split("  ")[2] for line in lines[:2]] == [
        "store: no route; tried again at 2026-11-24T12:00:01Z, nothing is lost meanwhile",
        "the store works again",
    ]
    assert len(lines) == 3


def test_a_trouble_that_comes_back_or_changes_its_cause_is_told_again() -> None:
    back = said(trouble("no route"), landed(account()), trouble("no route"))
    changed = said(trouble("no route"), trouble("disk full"))

    assert sum("no route" in line for line in back) == 2
    assert len(changed) == 2


def test_troubles_of_store_and_spool_end_each_by_its_own_event() -> None:
    narrator = Narrator()
    said(trouble("no route"), trouble("disk full", where="spool"), narrator=narrator)

    (spool_again,) = said(gaps(0), narrator=narrator)[:1]
    (store_again,) = said(landed(account()), narrator=narrator)[:1]

    assert "the spool takes answers again" in spool_again
    assert "the store works again" in store_again


def test_a_trouble_that_is_over_when_it_is_told_has_no_end_to_tell() -> None:
    lines = said(trouble("a file is damaged", where="spool", after=timedelta(0)), gaps(0))

    assert not any("again" in line for line in lines[1:])


def test_what_becomes_of_the_tick_of_a_damaged_file_is_told() -> None:
    (again,) = said(Damaged("compras", "a.spool", "fails its checks", asked_again=True))
    (gap,) = said(Damaged("compras", "a.spool", "fails its checks", asked_again=False))

    assert "a.spool fails its checks: its tick is asked again" in again
    assert "ends as a gap" in gap


def test_acceptance_is_told_of_those_streams_only_whose_answers_wait() -> None:
    accepted = Accepted("compras", spooled(), records=50)

    assert said(accepted) == []
    (line,) = said(accepted, narrator=Narrator(waiting_shown={"compras"}))
    assert "accepted: 50 records, waiting in the spool" in line


def test_a_retry_says_its_reason_and_its_wait() -> None:
    (line,) = said(AskAgain("compras", sample_tick(), "http_503", timedelta(seconds=0.42)))

    assert "asked again in 0.4 s: http_503" in line


def test_retries_are_dimmed_and_failures_are_not() -> None:
    def style(event: Event) -> str:
        return Narrator().lines(event, NOON)[0].style

    assert style(AskAgain("compras", sample_tick(), "http_503", SECOND)) == "dim"
    assert style(landed(account())) == "good"
    assert style(trouble("no route")) == style(Stopped("compras", "why")) == "bad"


def test_every_kind_of_event_has_words_but_a_request_that_only_begins() -> None:
    events: Sequence[Event] = (
        Opened("compras", "0123456789", 7),
        AskAgain("compras", sample_tick(), "dns", SECOND),
        gaps(0),
        landed(account()),
        Superseded("compras", spooled(), "_superseded/1.spool"),
        trouble("no route"),
        Stopped("compras", "the log is broken"),
    )

    assert all(len(said(event)) == 1 for event in events)
    assert said(Asking("compras", sample_tick(), 1, 1, "http://127.0.0.1/")) == []


def test_an_instant_between_seconds_is_shown_in_whole_seconds() -> None:
    between = NOON + timedelta(microseconds=123_456)
    tick = Interval(between, between)

    (line,) = said(landed(replace(account(), tick=tick)), now=between)

    assert line.startswith("2026-11-24T12:00:00Z  compras  tick 2026-11-24T12:00:00Z  ")
