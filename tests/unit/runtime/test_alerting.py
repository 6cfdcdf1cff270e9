"""What a person hears of a stream at work: each trouble once, its end, and nothing of what is well (FAULTS.md C 41)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from coleta.collect.response import Fault
from coleta.collect.spool import Gap
from coleta.collect.tick import Interval
from coleta.runtime.alerting import Alerting
from coleta.runtime.collector import Collector
from coleta.runtime.events import Alerted, Damaged, Event, Gapped, Opened, Published, Stopped, TableStopped, Trouble
from coleta.runtime.lander import Lander
from coleta.stream import Checks, Source, Stream
from coleta.testing.alerts import MemoryAlerts
from coleta.testing.bench import Bench, bench_stream
from coleta.testing.samples import MINUTE, NOON, PAGE

GOOD = PAGE
ALL_BROKEN = b'[{"ean": "x"}, {}]'
HTML = b"<html>"


class Watched:
    """A stream at work, with somebody who is told of trouble."""

    def __init__(self, stream: Stream | None = None) -> None:
        self.bench = Bench(stream)
        self.alerts = MemoryAlerts()
        self.log: list[Event] = []
        self.alerting = Alerting(self.alerts, self.log.append, self.bench.clock.now, of=("p", "m"))
        station = self.bench.machine().open()
        self.station = replace(station, world=replace(station.world, tell=self.alerting.tell))
        self.collector, self.lander = Collector(self.station), Lander(self.station)

    def work(self, *, minutes: int) -> None:
        """Let so many minutes pass, as a service does."""
        until = self.bench.clock.now() + minutes * MINUTE
        while self.bench.clock.now() < until:
            wake = min(self.collector.step(), self.lander.step(), self.bench.clock.now() + MINUTE / 6, until)
            self.alerting.step()
            self.bench.clock.set(max(wake, self.bench.clock.now() + timedelta(seconds=1)))

    def heard(self) -> list[tuple[str, str]]:
        return [(one.cause, one.state) for notice in self.alerts.sent for one in notice.incidents]

    def words(self) -> list[str]:
        return [one.what for notice in self.alerts.sent for one in notice.incidents]


def test_a_stream_that_is_well_is_not_heard_of() -> None:
    one = Watched()
    one.bench.api.usual = GOOD

    one.work(minutes=10)

    assert one.alerts.sent == []
    assert one.bench.rows("ean")


def test_a_tick_whose_every_record_fails_is_told_and_so_is_its_end() -> None:
    one = Watched()
    one.bench.api.usual = ALL_BROKEN
    one.work(minutes=5)
    assert one.heard() == [("rejected", "opened")]
    one.bench.api.usual = GOOD

    one.work(minutes=3)

    assert one.heard() == [("rejected", "opened"), ("rejected", "recovered")]
    assert one.words()[0] == "no record keeps the contract (2 came)"


def test_what_is_not_the_data_is_told_when_the_tick_ends() -> None:
    one = Watched()
    one.bench.api.usual = HTML

    one.work(minutes=5)

    assert one.heard() == [("rejected", "opened")]
    assert one.words() == ["not the data: HTML or XML instead of JSON"]


def test_an_hour_of_gaps_is_one_incident_with_its_newest_reason() -> None:
    one = Watched()
    one.bench.api.usual = Fault.REFUSED
    one.work(minutes=30)
    one.bench.api.usual = 401
    one.work(minutes=45)
    one.bench.api.usual = GOOD
    one.work(minutes=3)

    assert one.heard() == [("gap", "opened"), ("gap", "still"), ("gap", "recovered")]
    assert "refused: as planned" in one.words()[0]
    assert one.words()[1] == "auth: HTTP status 401"
    assert one.alerts.sent[1].incidents[0].times > 50


def test_an_answer_that_a_check_doubts_is_told_until_one_is_not_doubted() -> None:
    one = Watched(bench_stream(checks=Checks(on_empty="warn")))
    one.work(minutes=4)
    one.bench.api.usual = GOOD

    one.work(minutes=3)

    assert one.heard() == [("doubted", "opened"), ("doubted", "recovered")]
    assert one.words()[0] == "no records came"


def test_a_store_that_is_away_is_told_after_two_minutes_and_when_it_is_back() -> None:
    one = Watched()
    one.bench.api.usual = GOOD
    one.work(minutes=2)
    one.bench.store.down = True
    one.work(minutes=1)
    assert one.heard() == []

    one.work(minutes=4)
    one.bench.store.down = False
    one.work(minutes=4)

    assert one.heard() == [("store", "opened"), ("store", "recovered")]


def test_what_kept_a_stream_from_opening_is_over_when_it_is_open() -> None:
    one = Watched()
    now = one.bench.clock.now
    for event in (Trouble("b", "store", "away", now() + MINUTE), Trouble("b", "spool", "full", now() + MINUTE)):
        one.alerting.tell(event)
    one.bench.clock.advance(3 * MINUTE)
    one.alerting.step()
    one.alerting.tell(Opened("b", "u", 0))
    one.bench.clock.advance(3 * MINUTE)
    one.alerting.step()

    assert one.heard() == [(cause, state) for state in ("opened", "recovered") for cause in ("spool", "store")]


def test_a_stream_that_is_given_up_and_a_damaged_file_are_told_at_once() -> None:
    one = Watched()
    one.alerting.tell(Stopped("compras", "the log is broken"))
    one.alerting.tell(Damaged("compras", "x.spool", "fails its CRC", asked_again=False))

    one.alerting.step()

    assert one.heard() == [("damaged", "opened"), ("stopped", "opened")]
    assert one.words() == ["x.spool: fails its CRC", "the log is broken"]


def test_a_table_that_is_given_up_is_told_until_something_is_published_again() -> None:
    one = Watched()
    one.alerting.tell(TableStopped("compras", "it was dropped"))
    one.alerting.step()
    one.alerting.tell(Published("compras", objects=1, rows=2, seq=3))
    one.bench.clock.advance(MINUTE)
    one.alerting.step()

    assert one.heard() == [("table", "opened"), ("table", "recovered")]


def test_windows_that_stay_open_while_the_api_refuses_who_asks_are_one_incident() -> None:
    source = Source(url="http://api.test/compras?from={tick.start}&until={tick.end}")
    one = Watched(bench_stream(source=source, catch_up="all"))
    one.bench.api.usual = 401
    one.work(minutes=20)
    one.bench.api.usual = GOOD
    one.work(minutes=16)

    assert one.heard() == [("gap", "opened"), ("gap", "recovered")]
    assert one.words()[0] == "auth: HTTP status 401; its ticks stay open"


def test_every_event_is_handed_on_and_what_is_told_stands_in_the_log() -> None:
    one = Watched()
    event = Stopped("compras", "why")

    one.alerting.tell(event)
    one.alerting.step()

    assert one.log[0] == event
    (told,) = [event for event in one.log if isinstance(event, Alerted)]
    assert (told.incident.cause, told.incident.what) == ("stopped", "why")


def test_what_could_not_be_sent_is_sent_later_and_said_in_the_log_meanwhile() -> None:
    one = Watched()
    one.alerts.broken = "notify ended with status 3"
    one.alerting.tell(Stopped("compras", "why"))
    one.alerting.step()
    for _ in range(6):
        one.bench.clock.advance(MINUTE / 6)
        one.alerting.step()
    troubles = [event.what for event in one.log if isinstance(event, Trouble)]
    assert troubles == ["notify ended with status 3"] * 2
    one.alerts.broken = None

    one.bench.clock.advance(MINUTE)
    one.alerting.step()
    one.bench.clock.advance(MINUTE)
    one.alerting.step()

    assert one.heard() == [("stopped", "opened")]
    assert len([event for event in one.log if isinstance(event, Alerted)]) == 1


def test_at_the_end_of_a_process_what_has_not_been_told_is() -> None:
    one = Watched()
    one.alerting.start()
    one.alerting.tell(Stopped("compras", "a bug"))

    one.alerting.close()

    assert one.heard() == [("stopped", "opened")]


def test_what_a_person_wanted_is_no_incident() -> None:
    one = Watched()
    one.alerting.tell(Gapped("compras", (Gap(Interval(NOON, NOON + MINUTE), "paused"),)))

    one.alerting.step()

    assert one.heard() == []
