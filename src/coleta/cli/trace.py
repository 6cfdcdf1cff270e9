"""``coleta trace``: where did this record come from? Takes no lock and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.progress import progress_of
from coleta.cli.screen import Screen, cell
from coleta.cli.session import JsonOption, StreamArgument, session_of
from coleta.errors import WrongQuestion

if TYPE_CHECKING:
    from coleta.ask.trace import Trace


def trace_command(doors: Doors) -> Callable[..., None]:
    """The command ``trace``."""

    def trace(
        context: typer.Context,
        stream: StreamArgument,
        *,
        where: Annotated[
            list[str], typer.Option("--where", metavar="COLUMN=VALUE", help="What the record has. May be given again.")
        ],
        limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many records.")] = 10,
        json: JsonOption = False,
    ) -> None:
        """Follow a record, landed or in the quarantine, back to its tick, its answer, its object and the log there."""
        from coleta.ask.trace import traces
        from coleta.cli.reading import landed_of

        session = session_of(context, json=json)
        screen = session.screen
        app = doors.open_app(session.project, None)
        landed = landed_of(app, app.stream(stream))
        with progress_of(screen) as progress:
            found = list(islice(traces(landed, conditions(where), progress=progress), limit + 1))
        if json:
            values = [_value(one) for one in found[:limit]]
            screen.document({"stream": stream, "records": values, "more": len(found) > limit})
            return
        for number, one in enumerate(found[:limit]):
            screen.out() if number else None
            _show(screen, one)
        if not found:
            screen.note("no record has that, landed or in the quarantine")
        elif len(found) > limit:
            screen.note(f"the first {limit}; --limit shows more")

    return trace


def conditions(where: Sequence[str]) -> Mapping[str, str]:
    """What ``--where`` says: each column with its value, as written.

    Raises:
        WrongQuestion: one has no ``=``, or a column stands there twice.

    """
    found: dict[str, str] = {}
    for text in where:
        column, sign, value = text.partition("=")
        if not sign or not column or column in found:
            what = f"{column!r} stands there twice" if column in found else f"{text!r} is no condition"
            raise WrongQuestion(what, hint="--where ean=7891000100103 --where store=7")
        found[column] = value
    return found


def _show(screen: Screen, one: Trace) -> None:
    record = one.record if isinstance(one.record, str) else ", ".join(f"{k}={cell(v)}" for k, v in one.record.items())
    lines = [("record", record)]
    lines += [(name, cell(value)) for name, value in _value(one).items() if name != "record" and value is not None]
    width = max(len(name) for name, _ in lines)
    screen.out("\n".join(f"{name.ljust(width)}  {text}" for name, text in lines))


def _value(one: Trace) -> dict[str, object]:
    account, record = one.account, one.commit.record
    return {
        "record": one.record,
        "found_in": "quarantine" if one.file else "table",
        "row": one.row,
        "file": one.file,
        "path": one.path,
        "reason": one.reason,
        "tick": account.tick.end,
        "start": account.tick.start,
        "outcome": str(account.outcome),
        "scheduled": account.scheduled,
        "asked_at": account.asked_at,
        "received_at": account.received_at,
        "attempts": account.attempts,
        "pages": account.pages,
        "answer": account.answer,
        "response": account.response,
        "seq": record.seq,
        "object": one.commit.name,
        "created": record.created,
        "owner": record.owner,
        "tool": record.tool,
        "terms": record.terms,
        "digest": one.commit.digest,
        "before": one.before,
        "after": record.next,
    }
