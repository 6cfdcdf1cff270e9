"""What became of a tick, as an exit status: the rules that ``run``, ``preview`` and ``check`` share. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coleta.errors import AuthRefused, ColetaError, OverBudget, SourceUnavailable

if TYPE_CHECKING:
    from coleta.stream import Stream


def over_budget(stream: Stream, *, received: int, quarantined: int, where: str) -> OverBudget | None:
    """The error of an answer whose records break the contract more often than the stream's budget allows."""
    if not received or quarantined / received <= stream.budget:
        return None
    return OverBudget(
        f"{quarantined} of {received} records broke the contract; the budget of {stream.name} is {stream.budget:.3g}",
        where=where,
        hint="compare the reasons with the contract; or allow more with `budget`",
    )


def gap_error(reason: str, detail: str | None, *, tick: str) -> ColetaError:
    """The error of a tick that ended without an answer."""
    what = f"no answer for tick {tick}: {reason}" + (f", {detail}" if detail else "")
    from coleta.collect.response import REFUSALS

    if reason in REFUSALS:
        return AuthRefused(
            what, hint="check the credentials: the stream's headers, or its auth, say where each is found"
        )
    return SourceUnavailable(what, hint="is the API running, and the URL right? Ask again with --tick, or --now")
