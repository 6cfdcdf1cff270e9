"""``coleta mock``: serves the tutorial's purchases API, and lets it go wrong at given rates.

Only takes the options and says where it listens; what serves is handed in, since this layer may not know the
API. Prints nothing on stdout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Protocol

import typer

_FAULTS = "Faults"


class Serve(Protocol):
    """Serves the purchases API until it is stopped."""

    def __call__(
        self, switches: Mapping[str, float | None], *, host: str, port: int, announce: Callable[[str], None]
    ) -> None:
        """Serve, and tell ``announce`` the base URL once connections are taken.

        ``switches`` are the seed and the fault switches, by the names of the API's settings.

        Raises:
            Misconfigured: the address or a switch cannot be used, or the extra ``demo`` is missing.

        """


def _rate(flag: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, min=0, max=1, help=what, rich_help_panel=_FAULTS)
    return option


# Each option is a parameter: that is how typer reads a command, so there are more than five.
def mock_command(serve: Serve) -> Callable[..., None]:
    """The command ``mock``, served by ``serve``."""

    def mock(
        *,
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
        seed: Annotated[
            int | None,
            typer.Option(help="Same seed, same answers to the same requests; dateTime then starts at 2025-01-01."),
        ] = None,
        rate_429: Annotated[float, _rate("--rate-429", "Share of answers: 429 with Retry-After.")] = 0.0,
        retry_after_s: Annotated[
            int, typer.Option(min=0, help="Seconds that Retry-After says.", rich_help_panel=_FAULTS)
        ] = 2,
        rate_500: Annotated[float, _rate("--rate-500", "Share of answers: 500.")] = 0.0,
        rate_slow: Annotated[float, _rate("--rate-slow", "Share of answers that come late.")] = 0.0,
        delay_s: Annotated[
            float, typer.Option(min=0, help="How late a late answer is, in seconds.", rich_help_panel=_FAULTS)
        ] = 5.0,
        rate_truncated: Annotated[
            float, _rate("--rate-truncated", "Share of answers cut in half: shorter than their Content-Length.")
        ] = 0.0,
        rate_error_answer: Annotated[
            float, _rate("--rate-error-answer", 'Share of answers: 200 with {"error": ...} in place of purchases.')
        ] = 0.0,
        rate_error_purchase: Annotated[
            float, _rate("--rate-error-purchase", 'Share of records: the tutorial\'s "error" purchase, ean 0, price 0.')
        ] = 0.0,
        rate_broken: Annotated[
            float, _rate("--rate-broken", "Share of records that break the contract, in eight ways by turns.")
        ] = 0.0,
    ) -> None:
        """Serve the tutorial's purchases API, until Ctrl-C.

        GET /gerar_compras/50 gives 50 random purchases; /docs describes the rest.

        The rates make it go wrong by itself. A client may also ask for one fault:

        GET /gerar_compras/50?fault=truncated
        """
        switches: dict[str, float | None] = {
            "seed": seed,
            "rate_429": rate_429,
            "retry_after_s": retry_after_s,
            "rate_500": rate_500,
            "rate_slow": rate_slow,
            "delay_s": delay_s,
            "rate_truncated": rate_truncated,
            "rate_error_answer": rate_error_answer,
            "rate_error_purchase": rate_error_purchase,
            "rate_broken": rate_broken,
        }
        serve(switches, host=host, port=port, announce=_announce)

    return mock


def _announce(url: str) -> None:
    typer.echo(f"purchases API at {url}\ndocumentation at {url}/docs\nCtrl-C stops it", err=True)
