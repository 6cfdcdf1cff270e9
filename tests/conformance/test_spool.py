"""The contract of ``coleta.ports.Spool`` and ``Draft`` in code: every adapter passes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from coleta.adapters.disk_spool import DiskSpool
from coleta.collect.spool import parse
from coleta.errors import Corrupt, SpoolRefused
from coleta.ports import Spool
from coleta.testing.memory import ManualClock, MemorySpool
from coleta.testing.samples import (
    OTHER_UUID,
    PAGE,
    UUID,
    sample_gaps,
    sample_header,
    sample_page,
    sample_tick,
    sample_trailer,
    spooled,
    spooled_answer,
    spooled_gaps,
)

QUOTA = 1 << 20


class Place(Protocol):
    """Where accepted files lie, whichever adapter keeps them."""

    def spool(self, *, uuid: str = UUID, quota_bytes: int = QUOTA) -> Spool:
        """A new instance, as after a restart."""

    def body(self, name: str) -> bytes:
        """The bytes that are kept under `name`."""

    def overwrite(self, name: str, body: bytes) -> None:
        """Damage what is kept under `name`."""

    def names(self) -> list[str]:
        """All that lies where accepted files do."""


class DiskPlace:
    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self._folder = folder
        self._clock = clock

    def spool(self, *, uuid: str = UUID, quota_bytes: int = QUOTA) -> Spool:
        return DiskSpool(self._folder, uuid=uuid, quota_bytes=quota_bytes, now=self._clock.now)

    def body(self, name: str) -> bytes:
        return (self._folder / "waiting" / name).read_bytes()

    def overwrite(self, name: str, body: bytes) -> None:
        (self._folder / "waiting" / name).write_bytes(body)

    def names(self) -> list[str]:
        return sorted(path.name for path in (self._folder / "waiting").iterdir())


class MemoryPlace:
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._files: dict[str, tuple[datetime, bytes]] = {}

    def spool(self, *, uuid: str = UUID, quota_bytes: int = QUOTA) -> Spool:
        return MemorySpool(uuid=uuid, quota_bytes=quota_bytes, now=self._clock.now, files=self._files)

    def body(self, name: str) -> bytes:
        return self._files[name][1]

    def overwrite(self, name: str, body: bytes) -> None:
        self._files[name] = (self._clock.now(), body)

    def names(self) -> list[str]:
        return sorted(self._files)


@pytest.fixture(params=["memory", "disk"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    clock = ManualClock()
    makers: dict[str, Callable[[], Place]] = {
        "memory": lambda: MemoryPlace(clock),
        "disk": lambda: DiskPlace(tmp_path / "spool", clock),
    }
    return makers[request.param]()


def test_an_accepted_answer_waits_and_survives_a_new_instance(place: Place) -> None:
    entry = spooled_answer(place.spool(), 3, pages=(PAGE, b"[]"))

    after = place.spool()

    assert after.contents().waiting == (entry,)
    contents = parse(entry.name, after.read(entry).whole())
    assert contents.header == sample_header(3)
    assert [wire for _, wire in contents.pages] == [PAGE, b"[]"]


def test_what_accept_returns_is_what_reading_again_would_give(place: Place) -> None:
    spool = place.spool()

    entry = spooled_answer(spool, 1)

    assert spool.contents().waiting == (entry,)
    assert entry.size_bytes == len(spool.read(entry).whole())
    assert entry.intervals == (sample_tick(1),)
    assert (entry.asked_at, entry.received_at) == (sample_page().asked_at, sample_page().received_at)


def test_an_accepted_gap_waits_and_survives_with_its_time(place: Place) -> None:
    entry = spooled_gaps(place.spool(), 1, 2, 5)

    assert place.spool().contents().waiting == (entry,)
    assert entry.received_at == ManualClock().now()
    assert entry.intervals == (sample_tick(1), sample_tick(2), sample_tick(5))


def test_until_accept_returns_an_answer_does_not_exist(place: Place) -> None:
    spool = place.spool()
    draft = spool.draft(sample_header())
    draft.page(sample_page(), PAGE)

    assert spool.contents().waiting == ()
    assert place.names() == []
    assert place.spool().contents().waiting == ()


def test_nothing_stays_of_a_discarded_draft(place: Place) -> None:
    spool = place.spool()
    free_bytes = spool.contents().free_bytes
    draft = spool.draft(sample_header())
    draft.page(sample_page(), PAGE)

    draft.discard()
    draft.discard()

    assert spool.contents().waiting == ()
    assert spool.contents().free_bytes == free_bytes
    with pytest.raises(SpoolRefused):
        draft.accept(sample_trailer(sample_header(), [PAGE]))
    assert place.spool().contents().waiting == ()


def test_discard_after_accept_does_nothing(place: Place) -> None:
    spool = place.spool()
    draft = spool.draft(sample_header())
    draft.page(sample_page(), PAGE)
    entry = draft.accept(sample_trailer(sample_header(), [PAGE]))

    draft.discard()

    assert spool.contents().waiting == (entry,)
    assert spool.read(entry).whole()


def test_a_trailer_that_does_not_count_the_pages_is_refused(place: Place) -> None:
    spool = place.spool()
    draft = spool.draft(sample_header())
    draft.page(sample_page(), PAGE)

    with pytest.raises(ValueError, match="1 pages"):
        draft.accept(sample_trailer(sample_header(), [PAGE, PAGE]))
    draft.discard()

    assert place.names() == []


def test_an_answer_without_pages_bytes_is_an_answer(place: Place) -> None:
    entry = spooled_answer(place.spool(), pages=(b"",))

    assert place.spool().contents().waiting == (entry,)


def test_a_page_longer_than_a_frame_is_read_back_whole(place: Place) -> None:
    page = bytes(range(256)) * (17 << 12)
    spool = place.spool(quota_bytes=64 << 20)

    entry = spooled_answer(spool, pages=(page,))

    assert parse(entry.name, spool.read(entry).whole()).pages[0][1] == page


def test_the_oldest_tick_comes_first_whatever_the_order_of_acceptance(place: Place) -> None:
    spool = place.spool()
    for n in (5, 1, 9, 3):
        spooled_answer(spool, n)
    spooled_gaps(spool, 4, 8)

    ends = [entry.intervals[0].end for entry in spool.contents().waiting]

    assert ends == [sample_tick(n).end for n in (1, 3, 4, 5, 9)]
    assert place.spool().contents().waiting == spool.contents().waiting


def test_the_same_answer_accepted_twice_is_one_entry(place: Place) -> None:
    spool = place.spool()

    first, second = spooled_answer(spool), spooled_answer(spool)

    assert first == second
    assert spool.contents().waiting == (first,)
    assert place.spool().contents().free_bytes == spool.contents().free_bytes


def test_two_answers_for_one_tick_are_two_entries(place: Place) -> None:
    spool = place.spool()

    spooled_answer(spool, pages=(PAGE,))
    spooled_answer(spool, pages=(b"[]",))

    assert len(spool.contents().waiting) == 2


def test_released_entries_are_gone_for_good_and_may_be_released_again(place: Place) -> None:
    spool = place.spool()
    kept, gone = spooled_answer(spool, 1), spooled_answer(spool, 2)

    spool.release([gone])
    spool.release([gone, gone])
    spool.release([])

    assert spool.contents().waiting == (kept,)
    assert place.spool().contents().waiting == (kept,)
    assert len(place.names()) == 1


def test_what_is_released_is_free_again(place: Place) -> None:
    spool = place.spool()
    free_bytes = spool.contents().free_bytes

    entry = spooled_answer(spool)
    between = spool.contents().free_bytes
    spool.release([entry])

    assert between == free_bytes - entry.size_bytes
    assert spool.contents().free_bytes == free_bytes


def test_a_used_up_quota_refuses_and_what_waits_is_not_touched(place: Place) -> None:
    spool = place.spool(quota_bytes=20_000)
    entry = spooled_answer(spool, 1, pages=(b"x" * 10_000,))

    draft = spool.draft(sample_header(2))
    with pytest.raises(SpoolRefused, match="quota"):
        draft.page(sample_page(), b"x" * 10_000)
    with pytest.raises(SpoolRefused):
        draft.accept(sample_trailer(sample_header(2), []))
    draft.discard()

    assert spool.contents().waiting == (entry,)
    assert spool.contents().free_bytes == 20_000 - entry.size_bytes


def test_a_full_spool_goes_on_by_itself_once_something_is_released(place: Place) -> None:
    spool = place.spool(quota_bytes=20_000)
    entry = spooled_answer(spool, 1, pages=(b"x" * 18_500,))
    with pytest.raises(SpoolRefused, match="quota"):
        spool.draft(sample_header(2))

    spool.release([entry])

    assert spooled_answer(spool, 2, pages=(b"x" * 18_500,)) in spool.contents().waiting


def test_what_waited_before_a_restart_counts_towards_the_quota(place: Place) -> None:
    spooled_answer(place.spool(), 1, pages=(b"x" * 10_000,))

    after = place.spool(quota_bytes=10_000)

    assert after.contents().free_bytes == 0
    with pytest.raises(SpoolRefused):
        after.draft(sample_header(2))


def test_drafts_count_towards_the_quota(place: Place) -> None:
    spool = place.spool(quota_bytes=20_000)
    draft = spool.draft(sample_header(1))
    draft.page(sample_page(), b"x" * (spool.contents().free_bytes - 500))

    with pytest.raises(SpoolRefused, match="quota"):
        spool.draft(sample_header(2))
    draft.discard()

    spool.draft(sample_header(2)).discard()


def test_a_gap_is_written_down_even_when_the_quota_is_used_up(place: Place) -> None:
    spool = place.spool(quota_bytes=10)

    gaps = spooled_gaps(spool, 1)

    assert spool.contents().waiting == (gaps,)
    with pytest.raises(SpoolRefused):
        spooled(spool, sample_gaps(2, reason="x" * (1 << 20)), ())


def flipped(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :]


def test_a_bit_flipped_anywhere_is_found_when_the_spool_is_opened(place: Place) -> None:
    entry = spooled_answer(place.spool())
    whole = place.body(entry.name)

    # Every byte of the first frames; then every seventh, since each of them sets a file aside.
    for at in [*range(64), *range(64, len(whole), 7), *range(len(whole) - 8, len(whole))]:
        place.overwrite(entry.name, flipped(whole, at))
        contents = place.spool().contents()
        assert contents.waiting == (), at
        # A flip in the byte of the version may look like a newer format, which is left alone.
        assert len(contents.damaged) + len(contents.held) >= 1, at


@pytest.mark.parametrize("fill", ["cut", "zeros"])
def test_a_file_cut_short_or_zeroed_from_any_byte_is_found(place: Place, fill: str) -> None:
    entry = spooled_answer(place.spool())
    whole = place.body(entry.name)

    for at in [*range(64), *range(64, len(whole), 7), *range(len(whole) - 8, len(whole))]:
        rest = b"" if fill == "cut" else bytes(len(whole) - at)
        place.overwrite(entry.name, whole[:at] + rest)
        contents = place.spool().contents()
        assert contents.waiting == () or whole[:at] + rest == whole, at
        assert contents.damaged or whole[:at] + rest == whole, at


def test_something_after_the_trailer_is_found(place: Place) -> None:
    entry = spooled_answer(place.spool())
    place.overwrite(entry.name, place.body(entry.name) * 2)

    assert place.spool().contents().waiting == ()


def test_a_damaged_file_does_not_keep_others_from_waiting(place: Place) -> None:
    spool = place.spool()
    entries = [spooled_answer(spool, n) for n in range(3)]
    place.overwrite(entries[1].name, b"rubbish")

    contents = place.spool().contents()

    assert contents.waiting == (entries[0], entries[2])
    assert contents.damaged == (entries[1].name,)


def test_damage_that_comes_later_is_found_on_reading_and_counts_from_then_on(place: Place) -> None:
    spool = place.spool()
    entry, other = spooled_answer(spool, 1), spooled_answer(spool, 2)
    place.overwrite(entry.name, flipped(place.body(entry.name), entry.size_bytes // 2))

    with pytest.raises(Corrupt):
        spool.read(entry).whole()

    assert spool.contents().waiting == (other,)
    assert spool.contents().damaged == (entry.name,)
    assert place.spool().contents().waiting == (other,)


def test_an_entry_that_is_gone_is_corrupt_on_reading(place: Place) -> None:
    spool = place.spool()
    entry = spooled_answer(spool)
    place.spool().release([entry])

    with pytest.raises(Corrupt):
        spool.read(entry).whole()
    assert spool.contents().waiting == ()


def test_files_of_another_uuid_are_held_and_left_untouched(place: Place) -> None:
    theirs = spooled_answer(place.spool(uuid=OTHER_UUID), uuid=OTHER_UUID)
    body = place.body(theirs.name)

    spool = place.spool()
    mine = spooled_answer(spool)

    assert spool.contents().waiting == (mine,)
    assert spool.contents().held == (theirs.name,)
    assert place.body(theirs.name) == body
    assert place.spool(uuid=OTHER_UUID).contents().waiting == (theirs,)
    assert place.spool().contents().waiting == (mine,)


def test_files_of_a_newer_format_are_held_and_left_untouched(place: Place) -> None:
    entry = spooled_answer(place.spool())
    newer = place.body(entry.name).replace(b"COLETA\x01\n", b"COLETA\x02\n", 1)
    place.overwrite(entry.name, newer)

    contents = place.spool().contents()

    assert (contents.waiting, contents.damaged, contents.held) == ((), (), (entry.name,))
    assert place.body(entry.name) == newer


def test_a_header_that_would_never_be_read_back_is_refused(place: Place) -> None:
    spool = place.spool()

    with pytest.raises(ValueError, match="spool of"):
        spool.draft(sample_header(uuid=OTHER_UUID))
    with pytest.raises(ValueError, match="either"):
        spool.draft(replace(sample_header(), tick=None))


def test_answers_with_equal_terms_share_them_and_unequal_ones_do_not(place: Place) -> None:
    spool = place.spool()
    spooled_answer(spool, 1)
    other = replace(sample_header(2), terms=replace(sample_header().terms, unknown="reject"))
    spooled(spool, other, [PAGE])

    unknown = [entry.header.terms.unknown for entry in place.spool().contents().waiting]

    assert unknown == ["drop", "reject"]
