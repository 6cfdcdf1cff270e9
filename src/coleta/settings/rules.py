"""Settings, how values go together: what one key of a stream means for another, and streams for each other.

Notes every mistake and goes on. Where a value was wrong by itself it is absent here, so whether a key
was written at all is asked of ``given``, the keys that the file has or was meant to have.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from coleta.collect.cadence import check_cron
from coleta.collect.formats import without_column
from coleta.contract.parse import parse_contract
from coleta.contract.types import Contract
from coleta.errors import Misconfigured
from coleta.land.table import check_names, columns_of
from coleta.settings.addresses import Place
from coleta.settings.auths import auth_of
from coleta.settings.bodies import Pairs, body_of, check_bodies, params_of
from coleta.settings.conditional import check_conditional
from coleta.settings.cursors import check_cursor
from coleta.settings.mistakes import Keys, Mistakes, meant
from coleta.settings.model import StreamTable
from coleta.settings.pages import check_pages
from coleta.settings.units import format_duration
from coleta.stream import Auth, Body, Cron, Every, Schedule, SecretRef
from coleta.terms import Terms

SHORTEST_DEADLINE = timedelta(seconds=60)
"""What a tick may take at least, unless its stream says otherwise: some retries of a slow API."""

DEFAULT_TIMEOUT = timedelta(seconds=30)

_ROWS = {"ndjson": "line", "csv": "row"}
_STREAM_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a stream's table is read amid. A store or an auth that is wrong is None; ``to`` stands for all stores."""

    place: Place
    stores: Mapping[str, str | None]
    to: str | None
    auths: Mapping[str, Auth | None]
    mistakes: Mistakes


@dataclass(frozen=True, slots=True)
class Sent:
    """What a stream's requests bring with them."""

    headers: Pairs
    params: Pairs
    body: Body | None
    auth: Auth | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A stream's table with all that had to be worked out to check it."""

    name: str
    table: StreamTable
    url: str
    store: str
    path: str
    schedule: Schedule
    contract: Contract
    sent: Sent
    timeout: timedelta
    deadline: timedelta


def check_stream(name: str, table: StreamTable, given: Collection[str], around: Surroundings) -> Checked | None:
    """`table` checked; None if something is missing, which is then noted."""
    at, mistakes = ("stream", name), around.mistakes
    if not _STREAM_NAME.fullmatch(name):
        mistakes.add(at, "a stream's name must begin with a to z and go on with a to z, 0 to 9 or _")
    if "url" not in given:
        mistakes.add((*at, "url"), "missing; where are the records asked for?")
    store = _store(at, table, given, around)
    schedule = _schedule(at, table, given, mistakes)
    contract = _contract(at, table, given, mistakes)
    headers = _headers(at, table, around)
    params = params_of(at, table, around.place, mistakes)
    check_bodies(at, table, given, mistakes)
    body = body_of(at, table, around.place, mistakes)
    auth = auth_of(at, table, around.auths, mistakes)
    _check_selection(at, table, mistakes)
    _check_format(at, table, contract, mistakes)
    _check_error(at, table, mistakes)
    check_pages(at, table, given, mistakes)
    check_conditional(at, table, given, mistakes)
    if "on_few" in table.checks.model_fields_set and table.checks.min_rows is None:
        mistakes.add((*at, "checks", "on_few"), "needs min_rows, the number of records below which an answer has few")
    timeout, deadline = _limits(at, table, schedule, mistakes)
    if contract is not None:
        check_cursor(at, table, given, contract, mistakes)
    if contract is not None and table.table is not None:
        _check_table(at, table, contract, mistakes)
    if table.url is None or store is None or schedule is None or contract is None:
        return None
    path = table.path or name
    sent = Sent(headers, params, body, auth)
    return Checked(name, table, table.url, store, path, schedule, contract, sent, timeout, deadline)


def _check_table(at: Keys, table: StreamTable, contract: Contract, mistakes: Mistakes) -> None:
    try:
        check_names(columns_of(Terms(contract, unknown=table.unknown)), where="")
    except Misconfigured as error:
        mistakes.add((*at, "contract"), f"{error.what}; {error.hint}")


def check_places(checked: Iterable[Checked], mistakes: Mistakes) -> None:
    """Note every stream that would lie where another one lies, or inside it, in its store or in the spool."""
    taken: list[tuple[str, str]] = []
    names: dict[str, str] = {}
    for stream in checked:
        began = stream.table.was or stream.name
        if (other := names.setdefault(began, stream.name)) != stream.name:
            what = f"the log of stream {other!r} has this name too, and so its spool; take another"
            mistakes.add(("stream", stream.name, *(["was"] if stream.table.was else [])), what)
        place = f"{stream.store.rstrip('/')}/{stream.path}/"
        for other, elsewhere in taken:
            # One inside the other counts: a clean-up of the outer table would take the inner one's files.
            if place.startswith(elsewhere) or elsewhere.startswith(place):
                key = "path" if stream.table.path is not None else "store"
                how = "lies where" if place == elsewhere else "would lie inside the folder where, or around where,"
                at = ("stream", stream.name, key)
                mistakes.add(at, f"{how} stream {other!r} lies; give it a path of its own, such as {stream.name!r}")
        taken.append((stream.name, place))


def _store(at: Keys, table: StreamTable, given: Collection[str], around: Surroundings) -> str | None:
    if table.store is not None:
        if table.store not in around.stores:
            around.mistakes.add(
                (*at, "store"), f"no store is named {table.store!r}; {meant(table.store, around.stores)}"
            )
        return around.to or around.stores.get(table.store)
    if around.to is not None or "store" in given:
        return around.to
    match list(around.stores.values()):
        case [only]:
            return only
        case []:
            around.mistakes.add(
                (*at, "store"), 'there is no store to land in; write [store.lake] url = "file://./lake"'
            )
        case _:
            around.mistakes.add((*at, "store"), f"missing, and there are {len(around.stores)} stores; name one")
    return None


def _schedule(at: Keys, table: StreamTable, given: Collection[str], mistakes: Mistakes) -> Schedule | None:
    if "every" in given and "cron" in given:
        mistakes.add((*at, "cron"), "every and cron both say when; keep one of them")
    elif "every" not in given and "cron" not in given:
        mistakes.add(at, 'says neither every nor cron; write every = "1m", or cron = "0 6 * * *"')
    if "zone" in given and "cron" not in given:
        mistakes.add((*at, "zone"), "goes with cron only; every counts from midnight UTC on 1970-01-01")
    if table.cron is None:
        return None if table.every is None else Every(table.every)
    cron = Cron(table.cron, table.zone or "UTC")
    # One at a time, each beside a sound other half: one run then says what is wrong with both.
    for key, expression, zone in (("cron", cron.expression, "UTC"), ("zone", "* * * * *", cron.zone)):
        try:
            check_cron(expression, zone)
        except Misconfigured as error:
            mistakes.add((*at, key), f"{error.what}; {error.hint}" if error.hint else error.what)
    return cron


def _contract(at: Keys, table: StreamTable, given: Collection[str], mistakes: Mistakes) -> Contract | None:
    if table.contract is None:
        if "contract" not in given:
            mistakes.add((*at, "contract"), 'missing; write contract = { id = "int", name = "str" }')
        return None
    names = list(table.contract)
    wanted = [("key", name) for name in table.key]
    wanted += [] if table.cursor is None else [("cursor", table.cursor)]
    for key, name in wanted:
        if name not in names:
            mistakes.add((*at, key), f"the contract has no field {name!r}; {meant(name, names)}")
    try:
        return parse_contract(table.contract)
    except Misconfigured as error:
        for keys, what in _contract_mistakes(table.contract, error.what):
            mistakes.add((*at, "contract", *keys), what)
        return None


def _contract_mistakes(table: Collection[str], told: str) -> Iterator[tuple[Keys, str]]:
    """The lines of a contract's own report, each with the field that it is about."""
    lines = [line.removeprefix("  - ") for line in told.splitlines() if line.startswith("  - ")]
    for line in lines or [told]:
        field, colon, what = line.partition(": ")
        yield ((field,), what) if colon and field in table else ((), line)


def _headers(at: Keys, table: StreamTable, around: Surroundings) -> tuple[tuple[str, str | SecretRef], ...]:
    headers: list[tuple[str, str | SecretRef]] = []
    for name, value in table.headers.items():
        if value.startswith("env:"):
            headers.append((name, SecretRef(value)))
        elif value.startswith("file:"):
            try:
                # Made absolute here, so that a secret's place depends on this file, not on who reads it.
                path = around.place(value[len("file:") :])
                headers.append((name, SecretRef(f"file:{path}")))
            except ValueError as error:
                around.mistakes.add((*at, "headers", name), str(error))
        else:
            headers.append((name, value))
    return tuple(headers)


def _check_selection(at: Keys, table: StreamTable, mistakes: Mistakes) -> None:
    if table.records and table.expect == "array":
        mistakes.add((*at, "expect"), 'records are inside an object; write expect = "object", or leave it out')


def _check_error(at: Keys, table: StreamTable, mistakes: Mistakes) -> None:
    if table.error_at and not table.records and table.expect != "object":
        mistakes.add((*at, "error_at"), "nothing stands beside an array's records; say where they are: records = …")


def _check_format(at: Keys, table: StreamTable, contract: Contract | None, mistakes: Mistakes) -> None:
    if table.format != "csv":
        for key in ("delimiter", "columns"):
            if key in table.model_fields_set:
                mistakes.add((*at, key), 'means something for format = "csv" only')
    if table.format != "json":
        for key in ("records", "expect"):
            if key in table.model_fields_set:
                mistakes.add((*at, key), f"is of JSON; in {table.format} each {_ROWS[table.format]} is a record")
    if table.format == "csv" and contract is not None:
        for name in without_column(contract):
            mistakes.add((*at, "contract", name), "a cell of CSV is one text or number, without parts")


def _limits(at: Keys, table: StreamTable, schedule: Schedule | None, mistakes: Mistakes) -> tuple[timedelta, timedelta]:
    """The stream's ``timeout`` and ``deadline``, with their defaults."""
    interval = schedule.interval if isinstance(schedule, Every) else SHORTEST_DEADLINE
    deadline = table.deadline or max(interval, SHORTEST_DEADLINE)
    timeout = table.timeout or min(DEFAULT_TIMEOUT, deadline)
    if timeout > deadline and schedule is not None:
        longest = format_duration(deadline)
        mistakes.add((*at, "timeout"), f'one request cannot take longer than its tick, whose deadline is "{longest}"')
    return timeout, deadline
