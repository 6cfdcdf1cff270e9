"""The purchases API itself: FastAPI around purchases and faults. Needs the extra ``demo``.

Promises: with a seed, the same requests in the same order get the same answers; one answer never takes more
than about 25 MB of memory, whatever its length. Never keeps what it sold.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from itertools import count, islice
from random import Random
from threading import Lock
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from coleta import __version__
from coleta.demo_api.faults import fate, spoil
from coleta.demo_api.purchases import STORE, Clock, draw_pools, fixed_steps, purchases, time_of_day
from coleta.demo_api.settings import Fault, Settings

GREETING = "Coca-Cola me patrocina!"

# A purchase is about 250 bytes, so a piece is 2.5 MB, made in 35 ms. Longer answers are streamed, one piece in
# memory at a time.
PIECE = 10_000
# 250 MB and about 4 s: more than any collector should take in one answer, and enough to test that it doesn't.
MAX_PURCHASES = 1_000_000


EXAMPLE = {
    "client": "Benício da Cunha",
    "creditcard": "VISA 16 digit",
    "product": "fones de ouvido",
    "ean": 7891667733102,
    "price": 59.87,
    "clientPosition": ["-23.5475", "-46.63611", "São Paulo", "BR", "America/Sao_Paulo"],
    "store": STORE,
    "dateTime": "2025-01-01T12:00:00.000000+00:00",
}


class Purchase(BaseModel):
    """One purchase. For the documentation only: answers are not checked against it, since some break it."""

    client: str = Field(description="The client's name")
    creditcard: str = Field(description="The provider of the credit card")
    product: str
    ean: int = Field(description="EAN-13 of the product; 0 in an error purchase")
    price: float = Field(description="Price of the product × 1.2, 2 decimals; 0.0 in an error purchase")
    clientPosition: tuple[str, str, str, str, str] = Field(  # noqa: N815 - the tutorial's name
        description="Latitude, longitude, place, country, time zone"
    )
    store: int = Field(description="Always 11")
    dateTime: str = Field(description="ISO 8601, in UTC")  # noqa: N815 - the tutorial's name


class Problem(BaseModel):
    """What went wrong."""

    error: str = Field(examples=["n is '0': Input should be greater than or equal to 1"])


class Tally(BaseModel):
    """What was given since the start."""

    answers: int = Field(default=0, description="Answers with purchases that were sent to their end")
    purchases: int = Field(default=0, description="Records in those answers, broken ones included")


class Books:
    """Counts what was sent to its end. Safe to call from several threads."""

    def __init__(self) -> None:
        """Nothing given yet."""
        self._lock = Lock()
        self._tally = Tally()

    def sent(self, sold: int) -> None:
        """One answer with ``sold`` records was handed to the network, all of it."""
        with self._lock:
            self._tally = Tally(answers=self._tally.answers + 1, purchases=self._tally.purchases + sold)

    async def sent_at_once(self, sold: int) -> None:
        """The same, on the server's loop: a thread would count after the client may have asked."""
        self.sent(sold)

    def tally(self) -> Tally:
        """What was given so far."""
        return self._tally


class Truncated(Response):
    """Promises all of its body and sends half; the server then closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the half, and leave without the end: uvicorn closes a connection that was left so."""
        body = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


class Shop:
    """Answers requests, each from its number alone."""

    def __init__(self, settings: Settings, *, clock: Clock | None) -> None:
        """Open with drawn pools."""
        self.books = Books()
        self._settings = settings
        self._seed = secrets.randbits(64) if settings.seed is None else settings.seed
        self._clock = clock or (time_of_day if settings.seed is None else fixed_steps)
        self._pools = draw_pools(self._seed)
        self._numbers = count()

    async def answer(self, request: Request, wanted: int, asked: Fault | None) -> Response:
        """``wanted`` purchases, or what the fault makes of them."""
        number = next(self._numbers)
        settings = self._settings if asked is None else self._settings.only(asked)
        luck = Random(f"{self._seed} {number} faults")
        mine = fate(settings, luck)
        sold = purchases(self._pools, Random(f"{self._seed} {number}"), count=wanted, at=self._clock(number))
        records = spoil(sold, settings, luck)
        await asyncio.sleep(mine.delay_s)
        if await request.is_disconnected():
            return Response()  # nobody reads it, so it must not be counted as given
        match mine.fault:
            case Fault.TOO_MANY_REQUESTS:
                wait = {"Retry-After": str(settings.retry_after_s)}
                return JSONResponse({"error": "too many requests"}, 429, headers=wait)
            case Fault.SERVER_ERROR:
                return JSONResponse({"error": "the shop failed"}, 500)
            case Fault.ERROR_ANSWER:
                return JSONResponse({"error": "the purchases could not be made"})
            case Fault.TRUNCATED:
                body = await run_in_threadpool(_whole, islice(records, PIECE))
                return Truncated(body, media_type="application/json")
            case _:
                return await self._sell(records, wanted)

    async def _sell(self, records: Iterator[object], wanted: int) -> Response:
        if wanted > PIECE:
            return StreamingResponse(self._streamed(records, wanted), media_type="application/json")
        body = await run_in_threadpool(_whole, records)
        counted = BackgroundTask(self.books.sent_at_once, wanted)
        return Response(body, media_type="application/json", background=counted)

    def _streamed(self, records: Iterator[object], wanted: int) -> Iterator[bytes]:
        yield from _pieces(records)
        # Only reached when every piece was taken: an answer whose client went away is closed at a yield.
        self.books.sent(wanted)


def _pieces(records: Iterator[object]) -> Iterator[bytes]:
    """One JSON array, in pieces of at most PIECE records."""
    opening = b"["
    while batch := list(islice(records, PIECE)):
        yield opening + msgspec.json.encode(batch)[1:-1]
        opening = b","
    yield b"]"


def _whole(records: Iterable[object]) -> bytes:
    return msgspec.json.encode(list(records))


AskedFault = Annotated[
    Fault | None, Query(description="Go wrong in this way, whatever the server's switches say. Left out: as they say.")
]
HowMany = Annotated[int, Path(ge=1, le=MAX_PURCHASES, description="How many purchases", examples=[50])]


def make_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application, with a shop of its own.

    ``clock`` gives the instant of a request, told its number from 0. Without it: the time of day, or with a
    seed one second a request from 2025-01-01, so that answers repeat.
    """
    shop = Shop(settings, clock=clock)
    app = FastAPI(
        title="Purchases",
        version=__version__,
        description="Random purchases of an electronics shop, made up by Faker. It goes wrong when asked to.",
    )
    app.add_exception_handler(RequestValidationError, _refuse)

    @app.get("/", summary="Greeting")
    async def greet() -> str:
        return GREETING

    @app.get("/gerar_compra", summary="One purchase", response_model=list[Purchase], responses=_RESPONSES)
    async def one(request: Request, fault: AskedFault = None) -> Response:
        return await shop.answer(request, 1, fault)

    @app.get("/gerar_compras/{n}", summary="Several purchases", response_model=list[Purchase], responses=_RESPONSES)
    async def several(request: Request, n: HowMany, fault: AskedFault = None) -> Response:
        return await shop.answer(request, n, fault)

    @app.get("/_books", summary="What was given so far")
    async def books() -> Tally:
        return shop.books.tally()

    return app


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The purchases; or an object with `error`, when that fault was asked for",
        # Here and not in the model, where pydantic would sort the fields.
        "content": {"application/json": {"example": [EXAMPLE]}},
    },
    400: {"model": Problem, "description": f"n is not a whole number from 1 to {MAX_PURCHASES}, or an unknown fault"},
    429: {"model": Problem, "description": "Asked too often (a fault): try again after `Retry-After` seconds"},
    500: {"model": Problem, "description": "The shop failed (a fault)"},
    # Keeps FastAPI from documenting its own 422, which never happens here.
    "default": {"model": Problem, "description": "What went wrong"},
}


async def _refuse(_request: Request, problem: Exception) -> JSONResponse:
    """400 for what a client asked wrongly, in the tutorial's shape, instead of FastAPI's 422."""
    assert isinstance(problem, RequestValidationError)
    complaints = [f"{error['loc'][-1]} is {str(error['input'])[:40]!r}: {error['msg']}" for error in problem.errors()]
    return JSONResponse({"error": "; ".join(complaints)}, 400)
