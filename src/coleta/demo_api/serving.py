"""Serves the purchases API: in the foreground for ``coleta mock``, in a thread for the demo and for tests.

Imports FastAPI, Faker and uvicorn late, so that a missing extra is an error that says what to install.
Never opens a port that others reach unless told such a host.
"""

from __future__ import annotations

import errno
import logging
import secrets
import socket
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from coleta.demo_api.purchases import Clock
from coleta.demo_api.settings import Settings
from coleta.errors import ColetaError, Misconfigured

if TYPE_CHECKING:
    import uvicorn

# Below 32768, where Linux takes ports for outgoing connections from: a port in there can be taken by chance
# between two uses of it.
FREE_PORTS = range(20_000, 32_000)
MAX_TRIES = 200  # if half of the ports were in use, 200 misses in a row would still be impossible in practice
MAX_STOP_S = 10.0  # uvicorn gives open answers 1 s, and then cancels them
BACKLOG = 128


def serve(settings: Settings, *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, and stop cleanly: open answers get 1 s.

    ``announce`` is told the base URL once connections are taken. Port 0 is a free one. After the stop the
    signal is raised again, as uvicorn does: SIGINT leaves as KeyboardInterrupt, SIGTERM ends the process.

    Raises:
        Misconfigured: the address cannot be used, a setting is wrong, or the extra ``demo`` is missing.

    """
    server = _make_server(settings, clock=None)
    with closing(listen(host, port)) as listening:
        announce(url_of(listening))
        server.run(sockets=[listening])


@contextmanager
def serve_in_background(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
) -> Iterator[str]:
    """Serve in a thread while the block runs; gives the base URL, like ``http://127.0.0.1:20123``.

    ``clock`` is what ``make_app`` takes: ``time_of_day`` gives seeded purchases with today's ``dateTime``.

    Raises:
        Misconfigured: as for ``serve``.

    """
    server = _make_server(settings, clock=clock)
    ended = Event()

    def work() -> None:
        try:
            server.run(sockets=[listening])
        finally:
            ended.set()

    with closing(listen(host, port)) as listening:
        # A daemon: a server that would not stop must not keep the process alive.
        thread = Thread(target=work, name="purchases-api", daemon=True)
        thread.start()
        try:
            # No waiting for its start: the socket already takes connections, and the kernel keeps them.
            yield url_of(listening)
        finally:
            server.should_exit = True
            thread.join(MAX_STOP_S)
    if not ended.is_set():
        raise ColetaError(f"the purchases API did not stop within {MAX_STOP_S:g} s")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that nobody else can have the port from here on. Port 0 is a free one.

    Raises:
        Misconfigured: the port is in use, or the host or port cannot be used here.

    """
    for _ in range(MAX_TRIES):
        chosen = port or secrets.choice(FREE_PORTS)
        where = f"{host}:{chosen}"
        try:
            return _listen(host, chosen)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and not port:
                continue
            if error.errno == errno.EADDRINUSE:
                hint = "choose another with --port, or a free one with --port 0"
                raise Misconfigured(f"port {port} is in use by another program", where=where, hint=hint)
            raise _unusable(where, str(error.strerror)) from error
        except UnicodeError as error:
            raise _unusable(where, "the host is no name that can be looked up") from error
    raise Misconfigured("no free port found", where=host, hint="choose one with --port")


def _unusable(where: str, why: str) -> Misconfigured:
    return Misconfigured(f"cannot serve there: {why}", where=where, hint="try --host 127.0.0.1 --port 0")


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        # A port whose last connections still linger may be taken again; one that is listened on may not.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def url_of(listening: socket.socket) -> str:
    """The base URL of a listening socket, without a slash at its end."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _make_server(settings: Settings, *, clock: Clock | None) -> uvicorn.Server:
    try:
        import uvicorn

        from coleta.demo_api.api import make_app

        app = make_app(settings, clock=clock)  # in here, since Faker is imported even later
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"the purchases API needs the extra 'demo' (there is no module {error.name!r})",
            hint="pip install 'coleta[demo]'",
        ) from error
    config = uvicorn.Config(
        app,
        log_config=None,  # logging belongs to the program, not to this server
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return uvicorn.Server(config)


# What uvicorn reports as mistakes of the application, and is none here: a truncated answer, and a slow answer that
# was still waiting at the stop.
_EXPECTED = (
    "ASGI callable returned without completing response.",
    "Cancel %s running task(s), timeout graceful shutdown exceeded",
)


def _is_news(record: logging.LogRecord) -> bool:
    cut_off = record.exc_info is not None and isinstance(record.exc_info[1], CancelledError)
    return record.msg not in _EXPECTED and not cut_off
