"""Stage 1, step 1: where the instants of a schedule lie on UTC. Pure.

A grid has no beginning and no memory: the same instants come out wherever a search begins, so a
restart can neither repeat one nor lose one. The rule for local time is one sentence: a nominal
local time happens at the first instant at which its zone's clock shows that time or a later one.
So "30 2 * * *" runs once a day, always. What a clock shows twice counts once, the first time;
what it skips happens when it has skipped it, and several skipped times are then one instant.
(The cron of Debian agrees for jobs at fixed times, but runs ``*/15`` again in a repeated hour.)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from zlib import crc32
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from coleta.collect.tick import RESOLUTION
from coleta.errors import Misconfigured
from coleta.stream import Cron, Every, Schedule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LARGEST_PHASE = timedelta(seconds=30)
"""Spreads 1,000 streams to 33 a second; half of the shortest default deadline is left after it."""

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_A_COMMON_YEAR = datetime(2001, 1, 1)  # noqa: DTZ001 nominal local times have no zone
_FIELDS = "minute hour day-of-month month day-of-week"


def instants(schedule: Schedule, *, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants of `schedule` in (after, until], oldest first, each once.

    Raises:
        Misconfigured: a cron expression or zone that ``check_cron`` refuses.

    """
    match schedule:
        case Every(interval):
            # Multiplied anew each time, since a sum would begin wherever the search does.
            for nth in range((after - EPOCH) // interval + 1, (until - EPOCH) // interval + 1):
                yield EPOCH + nth * interval
        case Cron(expression, zone_name):
            zone = _zone(zone_name)
            newest = after
            for nominal in _nominal(expression, _wall(after, zone)):
                instant = _first_shown(nominal, zone)
                if instant > until:
                    return
                if instant > newest:
                    yield instant
                    newest = instant


def newest(schedule: Schedule, at: datetime) -> datetime:
    """The newest instant of `schedule` that is not after `at`.

    Raises:
        Misconfigured: as for ``instants``, or no such instant in the 50 years before `at`.

    """
    match schedule:
        case Every(interval):
            return EPOCH + (at - EPOCH) // interval * interval
        case Cron(expression, zone_name):
            zone = _zone(zone_name)
            # In a repeated hour the clock has shown more than it shows now: as much as if it had gone on.
            local = at.astimezone(zone)
            shown = _wall(at, zone) + ((local.replace(fold=0).utcoffset() or _NONE) - (local.utcoffset() or _NONE))
            # From the next whole minute, as a search backwards never gives the minute that it begins with.
            for nominal in _nominal(expression, shown.replace(second=0, microsecond=0) + _MINUTE, backwards=True):
                instant = _first_shown(nominal, zone)
                if instant <= at:
                    return instant
            raise _never(expression)


def previous(schedule: Schedule, instant: datetime) -> datetime:
    """The newest instant of `schedule` strictly before `instant`.

    Raises:
        Misconfigured: as for ``newest``.

    """
    return newest(schedule, instant - RESOLUTION)


def first_tick(schedule: Schedule, now: datetime) -> datetime:
    """The instant of the first tick of a stream that begins at `now`: the newest not after it.

    Raises:
        Misconfigured: as for ``newest``.

    """
    return newest(schedule, now)


def phase(schedule: Schedule, stream_name: str) -> timedelta:
    """How long after its tick a stream is asked, so that streams do not all ask at once.

    Less than a tenth of the interval and than 30 s; none for cron, whose author chose the minute.
    """
    match schedule:
        case Every(interval):
            # crc32, not hash(): hash() is salted per process and would move every stream on restart.
            limit_us = min(interval / 10, LARGEST_PHASE) // RESOLUTION
            return limit_us * crc32(stream_name.encode()) // 2**32 * RESOLUTION
        case Cron():
            return timedelta(0)


def check_cron(expression: str, zone: str) -> None:
    """Refuse a cron expression or zone that can give no ticks.

    Raises:
        Misconfigured: the expression is not one, or names no time within 50 years; or the zone is unknown.

    """
    _zone(zone)
    if next(_nominal(expression, _A_COMMON_YEAR), None) is None:
        raise _never(expression)


_NONE = timedelta(0)


def _nominal(expression: str, begin: datetime, *, backwards: bool = False) -> Iterator[datetime]:
    """The nominal local times from `begin` on, without it, at most 50 years away from each other."""
    if len(expression.split()) != 5:
        raise Misconfigured(
            f"the cron expression {expression!r} does not have the five fields {_FIELDS}",
            hint='write for example "30 6 * * MON-FRI"; for less than a minute, use `every`',
        )
    try:
        # Without a zone, cronsim does plain calendar arithmetic; what a zone does to it is our rule, above.
        yield from CronSim(expression, begin, reverse=backwards)
    except CronSimError as error:
        raise Misconfigured(
            f"the cron expression {expression!r} is wrong: {error}",
            hint=f'five fields, {_FIELDS}, such as "30 6 * * MON-FRI"',
        ) from None


def _never(expression: str) -> Misconfigured:
    return Misconfigured(
        f"the cron expression {expression!r} never occurs",
        hint="look at its day-of-month, month and day-of-week: no date within 50 years has all of them",
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # an unknown name, a folder of zones, a path
        known = get_close_matches(name, available_timezones(), n=1, cutoff=0.5)
        hint = f"did you mean {known[0]!r}?" if known else "use an IANA name such as 'America/Sao_Paulo', or 'UTC'"
        raise Misconfigured(f"there is no time zone {name!r}", hint=hint) from None


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the zone's clock shows at `instant`."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _first_shown(nominal: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the zone's clock shows `nominal` or later: rising with `nominal`, never falling."""
    instant = nominal.replace(tzinfo=zone).astimezone(UTC)
    if _wall(instant, zone) == nominal:
        return instant
    # Skipped. By the offset after the change it lies before the change, and the other way round (PEP 495);
    # in between, the change itself is searched, to the second, which is as fine as the zone data are.
    before = nominal.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while instant - before > _SECOND:
        middle = before + (instant - before) // _SECOND // 2 * _SECOND
        if _wall(middle, zone) < nominal:
            before = middle
        else:
            instant = middle
    return instant
