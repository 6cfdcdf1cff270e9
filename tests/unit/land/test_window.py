"""When upkeep may work, by the clocks of a place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coleta.land.window import Window


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "open_at", "closed_at"),
    [
        (
            Window.of("02:00-04:00"),
            ["2026-11-24T02:00", "2026-11-24T03:59:59"],
            ["2026-11-24T04:00", "2026-11-24T01:59"],
        ),
        (Window.of("23:00-01:00"), ["2026-11-24T23:00", "2026-11-24T00:30"], ["2026-11-24T01:00", "2026-11-24T12:00"]),
        (Window.of("02:00-04:00", "America/Sao_Paulo"), ["2026-11-24T05:00"], ["2026-11-24T02:30", "2026-11-24T07:00"]),
    ],
)
def test_a_window_is_open_from_its_start_up_to_its_end(
    window: Window, open_at: list[str], closed_at: list[str]
) -> None:
    assert all(window.is_open(at(text)) for text in open_at)
    assert not any(window.is_open(at(text)) for text in closed_at)


def test_it_opens_next_at_its_start_of_today_or_tomorrow() -> None:
    window = Window.of("02:00-04:00", "America/Sao_Paulo")

    assert window.next_open(at("2026-11-24T00:00")) == at("2026-11-24T05:00")
    assert window.next_open(at("2026-11-24T05:00")) == at("2026-11-25T05:00")


def test_where_clocks_skip_the_start_or_show_it_twice_it_still_opens_once_a_day() -> None:
    window = Window.of("02:30-04:00", "Europe/Berlin")

    assert window.next_open(at("2026-03-28T12:00")) == at("2026-03-29T01:30")
    assert window.next_open(at("2026-10-24T12:00")) == at("2026-10-25T00:30")


@pytest.mark.parametrize("text", ["", "02:00", "2:00-4:00", "02:00-24:00", "02:00-02:00", "02:60-03:00"])
def test_what_is_no_part_of_a_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two different times"):
        Window.of(text)
