"""``coleta check``: does the project work? File, contract, API and store, each tried whatever the others say.

Accepts and lands nothing. The probe leaves one small object in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import Screen, error_lines, error_value
from coleta.cli.session import JsonOption, session_of
from coleta.cli.tables import table_found
from coleta.cli.verdict import over_budget
from coleta.errors import ColetaError, Misconfigured, OverBudget

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.runtime.station import World
    from coleta.stream import Stream


@dataclass(frozen=True, slots=True)
class Check:
    """One thing tried: what it is about, and what was found, or the error."""

    name: str
    stream: str | None
    found: str | ColetaError
    warning: bool = False
    """Whether a person should look at what was found, though it is no error."""

    @property
    def error(self) -> ColetaError | None:
        """What is wrong, if anything is."""
        return self.found if isinstance(self.found, ColetaError) else None


def check_command(doors: Doors) -> Callable[..., None]:
    """The command ``check``."""

    def check(
        context: typer.Context,
        *,
        offline: Annotated[bool, typer.Option("--offline", help="Ask neither the APIs nor the stores.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Try the project out: its file, each contract, one live request for each stream, and each store.

        Nothing is accepted or landed. All is tried even if something fails; the exit status is the first failure's.
        """
        session = session_of(context, json=json)
        screen = session.screen
        done: list[Check] = []
        app: App | None = None
        try:
            app = doors.open_app(session.project, None)
            done.append(Check("project", None, f"{app.name}: {len(app.streams)} stream(s) in {app.root}"))
        except ColetaError as error:
            done.append(Check("project", None, error))
        _show(screen, done[0])
        if app is not None:
            for one in checks(app, offline=offline):
                _show(screen, one)
                done.append(one)
        failed = next((one.error for one in done if one.error), None)
        screen.document({"ok": failed is None, "checks": [_value(one) for one in done]}) if json else None
        if failed is not None:
            raise typer.Exit(failed.exit_status)

    return check


def checks(app: App, *, offline: bool) -> Iterator[Check]:
    """Try each contract and, unless `offline`, each API and store, whatever the others say."""
    from coleta.contract.describe import describe

    for stream in app.streams:
        fields = ", ".join(f"{name} {kind}" for name, kind, _ in describe(stream.terms.contract))
        yield Check("contract", stream.name, fields)
    for stray in app.strays():
        yield Check("spool", stray.name, Misconfigured(str(stray)))
    if offline:
        return
    with app.world(lambda event: None) as world:
        for stream in app.streams:
            yield _try("request", stream, lambda one: _request(app, one, world))
            store = _try("store", stream, lambda one: f"{one.store}: {app.probe(one)}")
            yield store
            if store.error is None:
                yield from _lifecycle(app, stream, world)
            if store.error is None and stream.table is not None:
                yield _try("table", stream, lambda one: table_found(app, one))


def _try(name: str, stream: Stream, trial: Callable[[Stream], str]) -> Check:
    try:
        return Check(name, stream.name, trial(stream))
    except ColetaError as error:
        return Check(name, stream.name, error)


def _lifecycle(app: App, stream: Stream, world: World) -> Iterator[Check]:
    """Whether rules of the bucket would take objects of the log away; silent where none can be asked for."""
    try:
        rules = app.lifecycle(stream, world)
    except ColetaError as error:
        yield Check("lifecycle", stream.name, error)
        return
    if isinstance(rules, str):
        yield Check("lifecycle", stream.name, f"not looked at: {rules}")
    elif rules:
        what = f"{'; '.join(rules)}: the log would lose objects, and landing stop. Let no rule reach them"
        yield Check("lifecycle", stream.name, what, warning=True)
    elif rules is not None:
        yield Check("lifecycle", stream.name, "no rule of the bucket takes anything away")


def _request(app: App, stream: Stream, world: World) -> str:
    from coleta.collect.envelope import NotData
    from coleta.collect.request import redacted_url
    from coleta.runtime.orders import sample

    shown = redacted_url(stream.source.url)
    got = sample(stream, world)
    ms = (got.response.received_at - got.response.asked_at).total_seconds() * 1000
    if isinstance(got.page, NotData):
        raise OverBudget(f"the answer is not the data: {got.page.why}", where=shown)
    seen = app.decode_preview(stream, got.response.body, limit=0)
    if seen.wrong is not None:
        raise OverBudget(f"the answer is not the data: {seen.wrong}", where=shown)
    broken = len({reject[0] for reject in seen.rejects})
    error = over_budget(stream, received=seen.received, quarantined=broken, where=shown)
    if error is not None:
        raise error
    return f"{seen.received} records in {ms:.0f} ms, {broken} of them break the contract"


def _show(screen: Screen, check: Check) -> None:
    about = f"{check.name:<9} {check.stream}: " if check.stream else f"{check.name:<9} "
    if check.warning:
        screen.out(f"WARNING {about}{check.found}", style="warning")
        return
    if check.error is None:
        screen.out(f"ok      {about}{check.found}", style="good")
        return
    first, *more = error_lines(check.error)
    lines = [f"FAILED  {about}{first.removeprefix('error: ')}", *(f"        {line.strip()}" for line in more)]
    screen.out("\n".join(lines), style="bad")


def _value(check: Check) -> dict[str, object]:
    return {
        "check": check.name,
        "stream": check.stream,
        "ok": check.error is None,
        "warning": check.warning,
        "found": None if check.error else check.found,
        "error": error_value(check.error),
    }
