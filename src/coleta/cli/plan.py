"""``coleta plan``: what will collecting cost in requests and puts, and how long does the spool last? Lands nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import Screen, table
from coleta.cli.session import JsonOption, session_of

if TYPE_CHECKING:
    from coleta.ask.plan import Forecast, Needs
    from coleta.cli.app import App
    from coleta.stream import Stream

MONTH_DAYS = 30


def plan_command(doors: Doors) -> Callable[..., None]:
    """The command ``plan``."""

    def plan(
        context: typer.Context,
        *,
        days: Annotated[int, typer.Option("--days", min=1, max=366, help="For so many days.")] = MONTH_DAYS,
        ask: Annotated[bool, typer.Option("--ask", help="Ask each API once, to learn how big an answer is.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Say what collecting takes: requests, puts, gets and objects, and for how long the spool has room."""
        session = session_of(context, json=json)
        found = forecast(doors.open_app(session.project, None), days=days, ask=ask)
        if json:
            session.screen.document(_value(found))
        else:
            _show(session.screen, found)

    return plan


def forecast(app: App, *, days: int, ask: bool) -> Forecast:
    """What all streams of `app` will need in the next `days`; with `ask`, each API is asked once, and nothing landed.

    Raises:
        SourceUnavailable, AuthRefused: with `ask`, no answer came.
        StoreUnavailable: a store does not say how big its objects are.

    """
    from coleta.ask.plan import Forecast, hours_of_room, needs, usual
    from coleta.cli.reading import landed_if_any

    with app.world(lambda event: None) as world:
        now = world.clock.now()
    found = []
    for stream in app.streams:
        known = usual(landed_if_any(app, stream), wire_bytes=_asked(app, stream) if ask else None, stream=stream)
        found.append(needs(stream, known, now=now, days=days))
    hours = hours_of_room(found, quota_bytes=app.quota_bytes, days=days)
    return Forecast(days, tuple(found), app.quota_bytes, hours)


def _asked(app: App, stream: Stream) -> int:
    from coleta.runtime.orders import sample

    with app.world(lambda event: None) as world:
        return len(sample(stream, world).response.wire)


def _show(screen: Screen, found: Forecast) -> None:
    heads = ("STREAM", "", "TICKS", "REQUESTS", "OBJECTS", "PUTS", "GETS", "STORED")
    rows = [row for one in found.streams for row in _rows(one, found.days)]
    if len(found.streams) > 1:
        rows += _rows(total(found.streams), found.days)
    screen.out(table(heads, rows))
    quota = _bytes(found.quota_bytes)
    if found.spool_hours is None:
        screen.note(f"the spool holds {quota}; --ask measures an answer, and says for how many hours that is enough")
    else:
        screen.out(f"\nthe spool holds {quota}: {_hours(found.spool_hours)} of answers while a store is away")


def _rows(one: Needs, days: int) -> list[tuple[object, ...]]:
    counts = (one.ticks, one.requests, one.objects, one.puts, one.gets)
    stored = one.object_bytes
    return [
        (one.stream, "a day", *(_count(n / days) for n in counts), "" if stored is None else _bytes(stored / days)),
        ("", f"{days} days", *(_count(n) for n in counts), "" if stored is None else _bytes(stored)),
    ]


def total(streams: Sequence[Needs]) -> Needs:
    """The sum of `streams`; of bytes only where all are known."""
    from coleta.ask.plan import Needs

    def added(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    return Needs(
        stream="all",
        ticks=sum(one.ticks for one in streams),
        requests=sum(one.requests for one in streams),
        objects=sum(one.objects for one in streams),
        puts=sum(one.puts for one in streams),
        gets=sum(one.gets for one in streams),
        spool_bytes=added([one.spool_bytes for one in streams]),
        object_bytes=added([one.object_bytes for one in streams]),
    )


def _count(number: float) -> float:
    """Whole where it is big; the share of a day that is left of a rare one else."""
    return round(number) if number >= 10 or number == round(number) else round(number, 2)


def _bytes(size_bytes: float) -> str:
    for unit, power in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= power:
            return f"{size_bytes / power:.3g} {unit}"
    return f"{size_bytes:.0f} B"


def _hours(hours: float) -> str:
    return f"{hours:,.0f} hours ({hours / 24:,.1f} days)" if hours >= 10 else f"{hours:.2g} hours"


def _value(found: Forecast) -> dict[str, object]:
    streams = [*found.streams, total(found.streams)]
    *each, everything = ({name: getattr(one, name) for name in one.__slots__} for one in streams)
    return {
        "days": found.days,
        "streams": each,
        "total": {name: value for name, value in everything.items() if name != "stream"},
        "quota_bytes": found.quota_bytes,
        "spool_hours": found.spool_hours,
    }
