"""Settings, a stream's value: from a checked table to what the stages read. Decides only defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from msgspec import UNSET

from coleta.collect.request import is_window
from coleta.settings.bodies import method_of
from coleta.settings.cursors import lag_of
from coleta.settings.model import RetentionTable
from coleta.settings.pages import build_paging
from coleta.settings.retention import FOREVER
from coleta.settings.rules import Checked
from coleta.stream import Checks, Landing, Retention, Source, Stream
from coleta.terms import Terms

_ACCEPT = {"ndjson": "application/x-ndjson, */*;q=0.5", "csv": "text/csv, */*;q=0.5"}


def build_stream(checked: Checked, *, project: str, kept: RetentionTable) -> Stream:
    """The stream that `checked` says; where that does not say how long something is `kept`, the project does."""
    table, source = checked.table, _source(checked)
    # What the request says is the tick's own interval can be asked for later; else only "now" can.
    catch_up = table.catch_up or ("all" if is_window(source) else "latest")
    return Stream(
        name=checked.name,
        project=project,
        store=checked.store,
        path=checked.path,
        source=source,
        schedule=checked.schedule,
        terms=_terms(checked),
        catch_up=catch_up,
        delay=table.delay,
        landing=Landing(every=table.land.every, max_bytes=table.land.max_bytes),
        archive=table.archive,
        lease=table.lease,
        table=table.table,
        checks=Checks(**table.checks.model_dump()),
        retention=_retention(table.retention, kept),
        budget=table.budget,
        was=table.was,
    )


def _retention(table: RetentionTable, kept: RetentionTable) -> Retention:
    def time(key: str) -> timedelta | None:
        own: timedelta | Literal["forever"] | None = getattr(table, key)
        chosen: timedelta | Literal["forever"] | None = getattr(kept, key) if own is None else own
        return None if chosen == FOREVER else chosen

    return Retention(time("archive"), time("quarantine"), time("superseded"), time("data"))


def _source(checked: Checked) -> Source:
    table = checked.table
    return Source(
        url=checked.url,
        method=method_of(table),
        params=checked.sent.params,
        body=checked.sent.body,
        headers=(*checked.sent.headers, *_accepted(checked)),
        auth=checked.sent.auth,
        paging=build_paging(table.pages),
        timeout=checked.timeout,
        deadline=checked.deadline,
        max_answer_bytes=table.max_answer,
        allow_empty_body=table.allow_empty,
        error_at=table.error_at or (("errors",) if table.graphql is not None else ()),
        retry_unsafe=table.retry_unsafe or table.graphql is not None,
        verify_tls=table.verify_tls,
        redirects=table.redirects,
        conditional=table.conditional,
        allow_addresses=table.allow_addresses,
        cursor_start=table.cursor_start,
        lag=lag_of(table),
    )


def _accepted(checked: Checked) -> tuple[tuple[str, str], ...]:
    """What is asked for where the stream's format is not the transport's own."""
    kind = _ACCEPT.get(checked.table.format)
    if kind is None or any(name.lower() == "accept" for name, _ in checked.sent.headers):
        return ()
    return (("Accept", kind),)


def _terms(checked: Checked) -> Terms:
    table = checked.table
    return Terms(
        contract=checked.contract,
        on_violation=table.on_violation,
        unknown=table.unknown,
        expect="object" if table.records else table.expect or "array",
        records=table.records,
        key=table.key,
        cursor=table.cursor,
        format=UNSET if table.format == "json" else table.format,
        delimiter=UNSET if table.delimiter in (None, ",") else table.delimiter,
        columns=table.columns or UNSET,
    )
