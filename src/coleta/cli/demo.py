"""``coleta demo``: the whole way of a record on one machine, watched live. Needs nothing but this program."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Demo, DemoPlan, Doors
from coleta.cli.program import near, program, quoted, relative
from coleta.cli.screen import Screen
from coleta.cli.session import session_of
from coleta.cli.span import parse_span
from coleta.errors import ColetaError, Misconfigured

if TYPE_CHECKING:
    from coleta.cli.narrator import Narrator
    from coleta.cli.watching import Watch
    from coleta.runtime.events import Event, Landed

STATUSES: dict[int, int] = {signal.SIGINT: 0, signal.SIGTERM: 143}
"""Ctrl-C is the usual way to end a demo, so it is a success."""

FIRST_ROWS = 5
GLOB = "**/*.parquet"
MARK = 'project = "demo"'


def demo_command(doors: Doors) -> Callable[..., None]:
    """The command ``demo``."""

    def demo(
        context: typer.Context,
        *,
        ticks: Annotated[
            int | None, typer.Option("--ticks", min=1, help="End when so many ticks have landed; else at Ctrl-C.")
        ] = None,
        every: Annotated[str, typer.Option("--every", metavar="SPAN", help="How often to ask: 3s, 1m.")] = "3s",
        folder: Annotated[
            Path, typer.Option("--folder", metavar="PATH", help="The demo's project.", show_default="./demo")
        ] = Path("demo"),
        seed: Annotated[int | None, typer.Option("--seed", help="Same seed, same purchases.")] = None,
        bad: Annotated[
            float, typer.Option("--bad", min=0, max=1, help="The share of purchases that break the contract.")
        ] = 0.03,
        s3: Annotated[bool, typer.Option("--s3", help="Land in a bucket of SeaweedFS, an S3 on this machine.")] = False,
    ) -> None:
        """See it work: starts the purchases API, collects it every few seconds, and shows what becomes of each tick.

        Everything stays in one folder on this machine. It may be run again there, and goes on where it ended.
        """
        screen = session_of(context).screen
        _refuse_other_projects(folder)
        plan = DemoPlan(folder=folder, every=parse_span(every), seed=seed, bad=bad, s3=s3)
        with doors.start_demo(plan) as started:
            status = _watch(started, screen, ticks)
            damaged = _summary(started, screen)
        _next_steps(screen, started)
        if status or damaged:
            raise typer.Exit(status or damaged)

    return demo


def _refuse_other_projects(folder: Path) -> None:
    file = folder / "coleta.toml"
    if file.is_file() and MARK not in file.read_text(encoding="utf-8", errors="replace"):
        raise Misconfigured(
            "this is a project of its own; the demo would overwrite it", where=str(file), hint="--folder elsewhere"
        )


@dataclass(slots=True)
class _Show:
    """Shows events on the screen, the first rows once, and asks for the end after so many ticks."""

    started: Demo
    screen: Screen
    narrator: Narrator
    left: int | None
    watch: Watch | None = None
    rows_shown: bool = False
    quarantine_shown: bool = False

    def __call__(self, event: Event) -> None:
        from coleta.runtime.events import Landed

        for line in self.narrator.lines(event, datetime.now(UTC)):
            self.screen.out(line.text, style=line.style)
        if isinstance(event, Landed):
            self._landed(event)
        if self.watch is not None and (self.screen.gone or self.left == 0):
            self.watch.stop()

    def _landed(self, event: Landed) -> None:
        committed = event.committed
        if committed.record.rows and not self.rows_shown:
            self.rows_shown = True
            _first_rows(self.started, self.screen, event.stream, committed.name)
        if committed.record.quarantine and not self.quarantine_shown:
            self.quarantine_shown = True
            _first_quarantine(self.started, self.screen, event)
        if self.left is not None:
            answered = [one for one in committed.record.accounts if one.answer is not None and not one.tick.empty]
            self.left = max(0, self.left - len(answered))


def _watch(started: Demo, screen: Screen, ticks: int | None) -> int:
    from coleta.cli.narrator import Narrator
    from coleta.cli.watching import Watch

    app = started.app
    screen.out(f"purchases API   {started.api}    its documentation: {started.api}/docs", style="bold")
    screen.out(f"lake            {_place(started)}", style="bold")
    end = "Ctrl-C stops" if ticks is None else f"ends after {ticks} tick(s), or at Ctrl-C"
    screen.out(f"collecting {', '.join(_words(stream.name, stream.source.url) for stream in app.streams)}; {end}\n")
    show = _Show(started, screen, Narrator(brief=True), ticks)
    watch = Watch(show, statuses=STATUSES, stopping=lambda: screen.out("stopping", style="dim"))
    show.watch = watch
    with app.service(watch.tell) as service:
        ended = watch.drive(service)
    return STATUSES[ended.signal] if ended.signal is not None else 0


def _words(name: str, url: str) -> str:
    return f"{name} from {url}"


def _lake(started: Demo) -> Path:
    return started.app.root / "lake"


def _place(started: Demo, name: str = "") -> str:
    """Where the object `name` lies, as one would write it in a shell."""
    if started.s3 is None:
        return near(_lake(started) / name) if name else str(_lake(started))
    store = started.app.streams[0].store
    return f"{store}/{name}" if name else f"{store} at {started.s3}"


def _first_rows(started: Demo, screen: Screen, stream: str, name: str) -> None:
    from coleta.cli.preview import rows_table

    app = started.app
    one = app.stream(stream)
    rows = app.rows(one, [name], limit=FIRST_ROWS)
    screen.out(f"\nthe first rows, in {_place(started, f'{one.path}/{name}')}:", style="bold")
    screen.out(rows_table(rows))
    if started.s3 is not None:
        keys = near(app.root / "s3" / "access_key"), near(app.root / "s3" / "secret_key")
        screen.out(f"read them all:  with any S3 client, at {started.s3} while this runs; keys: {', '.join(keys)}\n")
        return
    folder = relative(_lake(started) / one.path / "data")
    python = f"import pyarrow.parquet as pq; print(pq.read_table({str(folder)!r}).to_pylist())"
    screen.out(f"read them all:  {near(Path(sys.executable))} -c {quoted(python)}")
    screen.out(f"           or:  duckdb -c {quoted(f'SELECT * FROM {str(folder / GLOB)!r}')}\n")


def _first_quarantine(started: Demo, screen: Screen, event: Landed) -> None:
    file = event.committed.record.quarantine[0]
    place = _place(started, f"{started.app.stream(event.stream).path}/{file.path}")
    reasons = ", ".join(f"{count} x {reason}" for reason, count in sorted(file.reasons.items()))
    screen.out(f"what broke the contract is kept too, byte by byte and with its reason ({reasons}):", style="bold")
    screen.out(f"{place}\n" if started.s3 else f"zstdcat {place}\n")


def _summary(started: Demo, screen: Screen) -> int:
    """Say what the lake holds and whether the books balance; the exit status of what is wrong."""
    from coleta.cli.verify import report_lines
    from coleta.runtime.auditor import whole

    app, status = started.app, 0
    screen.out("\nwhat the lake holds now, and whether the books balance:", style="bold")
    for stream in app.streams:
        try:
            report = whole(app.evidence(stream))
        except ColetaError as error:
            screen.error(error)
            status = status or error.exit_status
            continue
        screen.out("\n".join(report_lines(report)), style="good" if report.sound else "bad")
        status = status or (0 if report.sound else 76)
    return status


def _next_steps(screen: Screen, started: Demo) -> None:
    coleta, folder = program(), near(started.app.root)
    stream = started.app.streams[0].name
    screen.out("\nnext:", style="bold")
    screen.out(f"  {coleta} -C {folder} history {stream}    what became of each tick")
    if started.s3 is None:
        screen.out(f"  {coleta} -C {folder} verify    the same check of the books, at any time")
    else:
        screen.out(f"  {coleta} demo --s3 --folder {folder}    its S3 ends with it; this goes on where it ended")
    screen.out(f"  {coleta} init my-project    a project for an API of your own")
