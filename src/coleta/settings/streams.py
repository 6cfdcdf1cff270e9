"""Settings, a stream's value: from a checked table to what the stages read. Decides only defaults."""

from __future__ import annotations

from coleta.collect.request import is_window
from coleta.settings.cursors import lag_of
from coleta.settings.model import PagesTable
from coleta.settings.rules import Checked
from coleta.stream import Checks, Landing, PageNumber, Paging, SinglePage, Source, Stream
from coleta.terms import Terms


def build_stream(checked: Checked, *, project: str) -> Stream:
    """The stream that `checked` says."""
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
        budget=table.budget,
        was=table.was,
    )


def _source(checked: Checked) -> Source:
    table = checked.table
    return Source(
        url=checked.url,
        method=table.method,
        params=tuple((name, value) for name, values in table.params.items() for value in values),
        headers=checked.headers,
        auth=checked.auth,
        paging=_paging(table.pages),
        timeout=checked.timeout,
        deadline=checked.deadline,
        max_answer_bytes=table.max_answer,
        allow_empty_body=table.allow_empty,
        retry_unsafe=table.retry_unsafe,
        verify_tls=table.verify_tls,
        redirects=table.redirects,
        conditional=table.conditional,
        allow_addresses=table.allow_addresses,
        cursor_start=table.cursor_start,
        lag=lag_of(table),
    )


def _paging(pages: PagesTable | None) -> Paging:
    if pages is None:
        return SinglePage()
    return PageNumber(
        param=pages.param,
        first=pages.first,
        size_param=pages.size_param,
        size=pages.size,
        total=pages.total,
        total_pages=pages.total_pages,
        max_pages=pages.max_pages,
    )


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
    )
