"""``coleta verify``: do the books balance? Reads everything, changes nothing, takes no lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.app import NeverStarted
from coleta.cli.doors import Doors
from coleta.cli.progress import progress_of
from coleta.cli.rename import tell_strays
from coleta.cli.screen import Screen, error_value
from coleta.cli.session import JsonOption, session_of
from coleta.errors import ColetaError, Corrupt, StoreUnavailable

if TYPE_CHECKING:
    from coleta.ask.landed import Progress
    from coleta.cli.app import App
    from coleta.runtime.auditor import Report
    from coleta.runtime.inspector import Deep
    from coleta.stream import Stream

NOT_CHECKED = 75
"""The exit status where a store does not answer: nothing is known to be wrong, and nothing to be right."""


def verify_command(doors: Doors) -> Callable[..., None]:
    """The command ``verify``."""

    def verify(
        context: typer.Context,
        streams: Annotated[
            list[str] | None, typer.Argument(metavar="[STREAM]...", help="Which streams; all of them by default.")
        ] = None,
        *,
        level: Annotated[
            int,
            typer.Option(
                "--level",
                min=0,
                max=3,
                help="0: the spool and the newest commits. 1: the whole log and all it names. 2: --data. 3: --replay.",
            ),
        ] = 1,
        data: Annotated[
            bool, typer.Option("--data", help="Read every byte, too: digests, page checksums, rows. Level 2.")
        ] = False,
        subset: Annotated[
            str | None,
            typer.Option("--subset", metavar="N/T", help="With --data, the N-th of T parts of all bytes only."),
        ] = None,
        replay: Annotated[
            bool, typer.Option("--replay", help="Decode archived answers again, too: the same rows? Level 3.")
        ] = False,
        json: JsonOption = False,
    ) -> None:
        """Check that the books balance: no tick without an outcome, no record lost or double, nothing missing.

        Exit status 0: sound, perhaps with warnings. 76: damage. 75: a store did not answer.
        """
        from coleta.runtime.inspector import DATA, QUICK, REPLAY, deep_of

        session = session_of(context, json=json)
        screen = session.screen
        level = max(level, REPLAY if replay else DATA if data or subset else level)
        deep = deep_of(level, subset)
        app = doors.open_app(session.project, None)
        chosen = [app.stream(name) for name in streams] if streams else list(app.streams)
        found: list[tuple[Stream, Report | ColetaError]] = []
        for stream in chosen:
            with progress_of(screen) as progress:
                outcome = _audit(app, stream, deep, progress, quickly=level == QUICK)
            _show(screen, stream, outcome)
            found.append((stream, outcome))
        tell_strays(screen, app)
        status = _status(found, all_named=bool(streams))
        if json:
            values = [_value(stream, outcome) for stream, outcome in found]
            part = str(deep.share) if deep and subset else None
            screen.document({"level": level, "subset": part, "sound": status == 0, "streams": values})
        if status:
            raise typer.Exit(status)

    return verify


def _audit(app: App, stream: Stream, deep: Deep | None, progress: Progress, *, quickly: bool) -> Report | ColetaError:
    from coleta.runtime.auditor import quick, whole

    try:
        evidence = app.evidence(stream, table=True)
        if quickly:
            return quick(evidence)
        known = evidence.index.head()  # others may have landed more, so it is only about the number of commits
        total = known.seq if known else 0
        return whole(evidence, deep=deep, progress=lambda seq: progress(f"verify {stream.name}", seq, max(seq, total)))
    except ColetaError as error:
        return error


def _status(found: list[tuple[Stream, Report | ColetaError]], *, all_named: bool) -> int:
    """Damage before doubt; a stream that never started is only wrong where it was asked for by name."""
    statuses = []
    for _, outcome in found:
        match outcome:
            case NeverStarted() if not all_named:
                pass
            case StoreUnavailable():
                statuses.append(NOT_CHECKED)
            case ColetaError():
                statuses.append(outcome.exit_status)
            case report:
                statuses.append(0 if report.sound else Corrupt.exit_status)
    return Corrupt.exit_status if Corrupt.exit_status in statuses else next((one for one in statuses if one), 0)


def _show(screen: Screen, stream: Stream, outcome: Report | ColetaError) -> None:
    match outcome:
        case NeverStarted():
            screen.out(f"{stream.name}: never started, so there is nothing to check")
        case ColetaError():
            screen.out(f"{stream.name}: NOT CHECKED: {outcome}", style="bad")
        case report:
            screen.out("\n".join(report_lines(report)), style="good" if report.sound else "bad")


def report_lines(report: Report) -> list[str]:
    """What an audit of one stream found, its findings a line each."""
    from coleta.runtime.inspector import REPLAY

    totals, outcomes = report.totals, report.totals.outcomes
    answered = sum(count for outcome, count in outcomes.items() if outcome != "gap")
    rejected = outcomes.get("rejected", 0)
    lines = [
        f"{report.stream}: {'sound' if report.sound else 'DAMAGED'} at level {report.level}, {report.objects} commits",
        f"  answers  {answered + report.superseded + report.waiting} accepted = {answered - rejected} landed"
        f" + {rejected} rejected + {report.superseded} superseded + {report.waiting} waiting",
        f"  records  {totals.received} received = {totals.landed} landed + {totals.quarantined} quarantined"
        f" + {totals.deduplicated} deduplicated",
    ]
    if report.level == REPLAY:
        lines.append(f"  replayed {report.replayed} archived answers")
    return lines + [f"  {one.severity}  {one.code}  {one.where}: {one.what}" for one in report.findings]


def _value(stream: Stream, outcome: Report | ColetaError) -> dict[str, object]:
    if isinstance(outcome, ColetaError):
        return {"stream": stream.name, "sound": None, "error": error_value(outcome)}
    totals = outcome.totals
    return {
        "stream": stream.name,
        "sound": outcome.sound,
        "commits": outcome.objects,
        "ticks": totals.outcomes,
        "received": totals.received,
        "landed": totals.landed,
        "quarantined": totals.quarantined,
        "deduplicated": totals.deduplicated,
        "superseded": outcome.superseded,
        "waiting": outcome.waiting,
        "replayed": outcome.replayed,
        "findings": [
            {"severity": one.severity, "code": one.code, "where": one.where, "what": one.what}
            for one in outcome.findings
        ],
        "error": None,
    }
