"""Taking records out of the quarantine, or giving them up: for the commands and for Python's ``Project`` alike.

Shows nothing. Each stream is opened for this process alone while it is worked on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from coleta.cli.reading import landed_if_any

if TYPE_CHECKING:
    from coleta.ask.landed import Landed
    from coleta.cli.app import App
    from coleta.runtime.discard import Discarded
    from coleta.runtime.events import Event
    from coleta.runtime.redrive import Progress, Replayed, Wanted
    from coleta.stream import Stream


def jailed_streams(app: App, name: str | None, wanted: Wanted) -> Iterator[tuple[Stream, Landed]]:
    """The stream called `name`, or all, as far as something `wanted` is in their quarantine.

    Raises:
        StoreUnavailable: a store does not answer.

    """
    from coleta.land.jail import jail_of

    for stream in app.streams if name is None else [app.stream(name)]:
        landed = landed_if_any(app, stream)
        if landed is not None and any(wanted.fits(one) for one in jail_of(landed.commits).jailed()):
            yield stream, landed


def foresee_replay(landed: Landed, wanted: Wanted, progress: Progress) -> Replayed:
    """What a replay would do to a stream now; nothing is changed.

    Raises:
        StoreUnavailable, Corrupt: the quarantine cannot be read.

    """
    from coleta.land.jail import jail_of
    from coleta.runtime.redrive import foresee

    return foresee(landed.store, jail_of(landed.commits), landed.stream.terms, wanted, progress=progress)


def replay_stream(
    app: App, stream: Stream, wanted: Wanted, *, tell: Callable[[Event], None], progress: Progress
) -> Replayed:
    """Land what of the quarantine of `stream` decodes by its terms of now.

    Raises:
        Busy: another process collects the stream.
        StoreUnavailable, Corrupt, SpoolRefused: as ``coleta.runtime.redrive.replay``.

    """
    from coleta.runtime.publisher import publish_now
    from coleta.runtime.redrive import replay

    with app.station(stream, tell) as station:
        replayed = replay(station, wanted, progress=progress)
        publish_now(station)
        return replayed


def foresee_discard(landed: Landed, wanted: Wanted) -> Discarded:
    """What a discard would give up now; nothing is changed."""
    from coleta.land.jail import jail_of
    from coleta.runtime.discard import to_discard

    return to_discard(jail_of(landed.commits), wanted)


def discard_stream(
    app: App, stream: Stream, wanted: Wanted, *, tell: Callable[[Event], None], progress: Progress
) -> Discarded:
    """Give up what of the quarantine of `stream` is `wanted`, and delete its files.

    Raises:
        Busy: another process collects the stream.
        StoreUnavailable, Corrupt, Misconfigured: as ``coleta.runtime.discard.discard``.

    """
    from coleta.runtime.discard import discard

    with app.station(stream, tell) as station:
        return discard(station, app.housekeeping(stream), wanted, progress=progress)
