"""Which part of a quarantine is meant: the options that its commands share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

AnyStreamArgument = Annotated[
    str | None, typer.Argument(metavar="[STREAM]", help="Which stream; all of them by default.")
]
TickOption = Annotated[str | None, typer.Option("--tick", metavar="TICK", help="Only what came with this tick.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="WORD", help="Only what has this reason.")]


def given_tick(tick: str | None) -> datetime | None:
    """The instant of the tick called `tick`, if one is given.

    Raises:
        WrongQuestion: that is no tick's name.

    """
    from coleta.collect.tick import parse_tick_name
    from coleta.errors import WrongQuestion

    if tick is None:
        return None
    try:
        return parse_tick_name(tick)
    except ValueError as error:
        raise WrongQuestion(str(error), hint="coleta history STREAM shows the ticks") from None
