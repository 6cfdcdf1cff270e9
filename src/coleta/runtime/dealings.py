"""Stage 1 at work, for one tick and its host: when it may be asked, and who hears of what came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from coleta.collect.courtesy import LOOK_AGAIN, Go, Hold, Wish
from coleta.collect.response import LAST_CHANCE, Failed, Response
from coleta.runtime.events import Trouble
from coleta.runtime.station import World
from coleta.stream import Every, Stream


def host_of(stream: Stream) -> str:
    """The host, with its port, that `stream` is asked from."""
    return urlsplit(stream.source.url).netloc.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class NoMore:
    """The tick is not asked again: why, in a few words."""

    why: str


@dataclass(slots=True)
class Dealings:
    """What one tick, asked since `started`, has to do with its host."""

    world: World
    stream: Stream
    started: datetime
    again: bool = False
    """Whether the next request repeats one that failed."""
    host: str = field(init=False)

    def __post_init__(self) -> None:
        """Know the host."""
        self.host = host_of(self.stream)

    def may_ask(self) -> datetime | NoMore | None:
        """None: ask now. An instant: come again then. ``NoMore``: with what came before, let the tick end."""
        now = self.world.clock.now()
        match self.world.hosts.may_ask(self.host, self._wish(now)):
            case Go():
                return None
            case Hold(until, _, told=True):
                return until
            case Hold(until, why):
                end = self._patience_ends()
                # Meanwhile another stream may find that the host is well again.
                return min(until, end, now + LOOK_AGAIN) if now < end else NoMore(why)

    def heard(self, came: Response | Failed, page: object) -> None:
        """Take note of what came, and tell if the host counts as down from now on."""
        if self.world.hosts.heard(self.host, came, page, self._wish(self.world.clock.now())):
            what = f"{self.host} does not answer well; until it does, each tick asks it once"
            self.world.tell(Trouble(self.stream.name, "source", what, self._patience_ends()))

    def _wish(self, now: datetime) -> Wish:
        return Wish(self.again, now, self.started + self.stream.source.deadline - LAST_CHANCE)

    def _patience_ends(self) -> datetime:
        # Waiting costs the host nothing, but a tick that waits keeps the stream's next one from being asked.
        schedule, longest = self.stream.schedule, self.stream.source.deadline
        if isinstance(schedule, Every):
            longest = min(longest, schedule.interval)
        return self.started + max(longest - LAST_CHANCE, timedelta(0))
