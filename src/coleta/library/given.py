"""What callers of the Python surface give, turned into what a project file and a command line would say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from coleta.collect.tick import tick_name
from coleta.contract.python import contract_table
from coleta.errors import Misconfigured

Contract = Mapping[str, object] | type
"""What a contract may be: a dict of names and types, a dataclass, or a Pydantic model; the class itself."""


def file_table(project: str, tables: Mapping[str, object]) -> dict[str, object]:
    """The table of a project file that holds `tables`; contracts given as classes become tables too.

    Raises:
        Misconfigured: a class says what no contract can.

    """
    table: dict[str, object] = {"version": 1, "project": project, **tables}
    streams = table.get("stream")
    if isinstance(streams, Mapping):
        table["stream"] = {name: _with_contract(stream) for name, stream in streams.items()}
    return table


def _with_contract(stream: object) -> object:
    if not isinstance(stream, Mapping) or "contract" not in stream:
        return stream
    return {**stream, "contract": dict(contract_table(stream["contract"]))}


def tick_named(tick: str | datetime | None) -> str | None:
    """The name of a `tick` that is given by its name or its instant.

    Raises:
        Misconfigured: the instant has no time zone.

    """
    if not isinstance(tick, datetime):
        return tick
    if tick.tzinfo is None:
        raise Misconfigured(f"the tick {tick} has no time zone", hint="datetime(…, tzinfo=UTC)")
    return tick_name(tick)
