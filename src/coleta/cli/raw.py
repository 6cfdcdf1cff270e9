"""``coleta raw``: the answers whose very bytes are at hand, listed or written out. Takes no lock, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.meant import AnyStreamArgument
from coleta.cli.screen import table
from coleta.cli.session import JsonOption, StreamArgument, session_of
from coleta.collect.spool import walk
from coleta.collect.tick import parse_tick_name
from coleta.errors import WrongQuestion

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.stream import Stream

_HEADS = ("STREAM", "TICK", "ID", "BYTES", "WHERE")

PLACES = ("_archive", "_superseded")
"""Where in the store spool files lie."""

_ENDING = ".spool"
_NO_LIMIT = 1 << 62  # what was accepted was within the limits then


@dataclass(frozen=True, slots=True)
class Raw:
    """A spool file at hand: tick and first 16 characters of the answer's id, as its name says, and its place."""

    stream: str
    tick: str
    answer: str
    size_bytes: int
    where: str
    read: Callable[[], bytes]


def raw_commands(doors: Doors) -> typer.Typer:
    """The commands ``raw ls`` and ``raw cat``."""
    group = typer.Typer(name="raw", no_args_is_help=True, help="Look at answers as they came, where they are at hand.")
    group.command("ls")(_ls_command(doors))
    group.command("cat")(_cat_command(doors))
    return group


def _ls_command(doors: Doors) -> Callable[..., None]:
    def ls(
        context: typer.Context,
        stream: AnyStreamArgument = None,
        *,
        json: JsonOption = False,
    ) -> None:
        """List the answers whose bytes are at hand: waiting, damaged, archived or superseded."""
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        names = [one.name for one in app.streams] if stream is None else [stream]
        found = [one for name in names for one in raw_answers(app, app.stream(name))]
        rows = [(one.stream, one.tick, one.answer, one.size_bytes, one.where) for one in found]
        if json:
            keys = ("stream", "tick", "answer", "size_bytes", "where")
            session.screen.document({"answers": [dict(zip(keys, row, strict=True)) for row in rows]})
        elif rows:
            session.screen.out(table(_HEADS, rows))
        else:
            session.screen.note("no answer's bytes are at hand: what has landed is kept only where a stream archives")

    return ls


def _cat_command(doors: Doors) -> Callable[..., None]:
    def cat(
        context: typer.Context,
        stream: StreamArgument,
        answer: Annotated[
            str, typer.Argument(metavar="TICK|ID", help="The tick, or the beginning of the answer's id.")
        ],
        *,
        wire: Annotated[bool, typer.Option("--wire", help="As received, still with its content coding.")] = False,
        page: Annotated[int | None, typer.Option("--page", metavar="N", help="Only the page of this number.")] = None,
    ) -> None:
        """Write an answer's pages to stdout, as they came. Of a damaged file, those that another page follows."""
        session = session_of(context)
        app = doors.open_app(session.project, None)
        one = choose_raw(raw_answers(app, app.stream(stream)), answer)
        found = False
        for number, body in raw_pages(one, wire=wire):
            if page in (None, number):
                found = True
                session.screen.data(body)
        if not found:
            raise WrongQuestion(f"it has no page {page}" if page is not None else "it has no pages", where=one.where)

    return cat


def raw_answers(app: App, stream: Stream) -> list[Raw]:
    """Every answer of `stream` whose bytes are at hand, oldest tick first.

    Raises:
        StoreUnavailable: the store does not answer.
        NeverStarted: there is nothing yet.

    """
    store = app.evidence(stream).store

    def stored(name: str) -> Raw:
        def read() -> bytes:
            return store.read(name) or b""

        return _raw(stream.name, name.rpartition("/")[2], store.size(name) or 0, name, read)

    found = [
        _raw(stream.name, path.name, path.stat().st_size, str(path), path.read_bytes) for path in app.files(stream)
    ]
    for place in PLACES:
        found += [stored(name) for name in store.names(f"{place}/") if name.endswith(_ENDING)]
    return sorted((one for one in found if one.answer != "gap"), key=lambda one: (one.tick, one.where))


def _raw(stream: str, file: str, size_bytes: int, where: str, read: Callable[[], bytes]) -> Raw:
    tick, _, rest = file.partition("-")
    return Raw(stream, tick, rest.partition(_ENDING)[0].partition("-")[0], size_bytes, where, read)


def choose_raw(found: Sequence[Raw], wanted: str) -> Raw:
    """The one of `found` that has the tick `wanted`, or whose id begins so; a copy of the same answer is as good.

    Raises:
        WrongQuestion: there is none, or there are several.

    """
    try:
        from coleta.collect.tick import tick_name

        name = tick_name(parse_tick_name(wanted))
        fits = [one for one in found if one.tick == name]
    except ValueError:
        fits = [one for one in found if one.answer.startswith(wanted[:16])]
    if not fits:
        hint = "coleta raw ls shows what is; what has landed is kept only where a stream archives"
        raise WrongQuestion(f"no answer {wanted!r} is at hand", hint=hint)
    answers = sorted({one.answer for one in fits})
    if len(answers) > 1:
        raise WrongQuestion(f"there are {len(answers)} answers of that tick", hint=f"name one: {', '.join(answers)}")
    return fits[0]


def raw_pages(one: Raw, *, wire: bool) -> Iterator[tuple[int, bytes]]:
    """Each page's number and body, without its content coding unless `wire`.

    Raises:
        Corrupt: the file is damaged; those before the damage that another page follows were given.

    """
    from coleta.collect.envelope import unwrap

    for part in walk(one.where, BytesIO(one.read())):
        if isinstance(part, tuple):
            head, body = part
            yield head.number, body if wire else unwrap(body, head.encoding, max_bytes=_NO_LIMIT)
