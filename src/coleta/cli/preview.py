"""``coleta preview``: one request, and what landing would make of it. Nothing is accepted or landed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import Screen, error_value, table
from coleta.cli.session import JsonOption, StreamArgument, session_of
from coleta.cli.verdict import over_budget
from coleta.errors import ColetaError, OverBudget

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.collect.plausible import Doubt
    from coleta.runtime.orders import Preview
    from coleta.stream import Stream


def preview_command(doors: Doors) -> Callable[..., None]:
    """The command ``preview``."""

    def preview(
        context: typer.Context,
        stream: StreamArgument,
        *,
        limit: Annotated[int, typer.Option("--limit", min=0, help="Show so many rows, and so many rejects.")] = 10,
        json: JsonOption = False,
    ) -> None:
        """Ask the API once and show what would land: the rows, and each record that breaks the contract, and why.

        Of an answer of several pages only the first is asked for. Nothing is accepted or landed.
        """
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        one = app.stream(stream)
        seen, status = ask_once(app, one, limit=limit)
        error = _verdict(one, seen)
        if json:
            session.screen.document({**_value(stream, status, seen, error), "doubt": _doubt_value(one, seen)})
        else:
            _show(session.screen, seen, limit)
            if (doubt := _doubt(one, seen)) is not None and error is None:
                session.screen.note(f"it would be taken, but looks wrong: {doubt.what}", style="warning")
        if error is not None:
            raise error

    return preview


def ask_once(app: App, stream: Stream, *, limit: int) -> tuple[Preview, int]:
    """What landing would make of one live response, with its first `limit` rows; and its HTTP status.

    Raises:
        SourceUnavailable, AuthRefused: as ``coleta.runtime.orders.sample``.

    """
    from coleta.collect.envelope import NotData
    from coleta.runtime.orders import Preview, sample

    with app.world(lambda event: None) as world:
        got = sample(stream, world)
    if isinstance(got.page, NotData):
        return Preview(0, 0, wrong=got.page.why), got.response.status
    return app.decode_preview(stream, got.response.body, limit=limit), got.response.status


def _verdict(stream: Stream, seen: Preview) -> ColetaError | None:
    from coleta.collect.request import redacted_url

    if seen.wrong is not None:
        what = f"the answer is not the data: {seen.wrong}"
        where = redacted_url(stream.source.url)
        return OverBudget(what, where=where, hint="compare it with `expect` and `records`")
    if (doubt := _doubt(stream, seen)) is not None and doubt.then != "warn":
        again = "asked again until the deadline, and then " if doubt.then == "retry" else ""
        hint = "if this answer is as it should be, change the stream's checks"
        return OverBudget(f"the answer would be {again}rejected: {doubt.what}", where="the stream's checks", hint=hint)
    broken = len({reject[0] for reject in seen.rejects})
    return over_budget(stream, received=seen.received, quarantined=broken, where="the answer's first page")


def _doubt(stream: Stream, seen: Preview) -> Doubt | None:
    """What the stream's checks hold against the answer. Of one page of several nothing can be said."""
    from coleta.collect.plausible import Seen, weigh
    from coleta.paging import SinglePage

    if seen.wrong is not None or not isinstance(stream.source.paging, SinglePage):
        return None
    return weigh(stream.checks, Seen(seen.received, None), None)


def _doubt_value(stream: Stream, seen: Preview) -> dict[str, str] | None:
    doubt = _doubt(stream, seen)
    return None if doubt is None else {"what": doubt.what, "then": doubt.then}


def _show(screen: Screen, seen: Preview, limit: int) -> None:
    if seen.wrong is not None:
        return
    if seen.rows:
        screen.out(rows_table(seen.rows))
    if seen.rejects:
        screen.out()
        screen.out(table(("RECORD", "PATH", "REASON", "DETAIL"), seen.rejects[:limit]))
        if len(seen.rejects) > limit:
            reasons = Counter(reject[2] for reject in seen.rejects)
            screen.note("all rejects by reason: " + ", ".join(f"{name} {n}" for name, n in reasons.most_common()))
    broken = len({reject[0] for reject in seen.rejects})
    screen.note(f"{seen.received} received, {seen.landed} would land, {broken} would go to the quarantine")


def rows_table(rows: Sequence[Mapping[str, object]]) -> str:
    """`rows` as a table, a column for each of their names."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return table(names, [[row.get(name) for name in names] for row in rows], longest=32)


def _value(stream: str, status: int, seen: Preview, error: ColetaError | None) -> dict[str, object]:
    rejects = [
        {"row": row, "path": path, "reason": reason, "detail": detail} for row, path, reason, detail in seen.rejects
    ]
    return {
        "stream": stream,
        "status": status,
        "received": seen.received,
        "would_land": seen.landed,
        "would_quarantine": len({reject[0] for reject in seen.rejects}),
        "rows": seen.rows,
        "rejects": rejects,
        "wrong": seen.wrong,
        "error": error_value(error),
    }
