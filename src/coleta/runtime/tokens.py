"""Stage 1 at work: requests go out with a token that was asked for before (OAuth 2.0). Wraps the port ``Transport``.

A token is asked for when it is first needed, shared by all streams with the same ``[auth.NAME]`` until shortly before
its end, and kept in memory only. A 401 replaces it once, and the request is made once more. A refresh token that was
given in place of the one sent is kept, durably, before anything else is done with it. Nothing of a token is shown.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from coleta.collect.courtesy import Hold, Wish
from coleta.collect.envelope import Page
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.collect.token import Credentials, Granted, NotGranted, read_token, token_request
from coleta.errors import Busy, ColetaError
from coleta.ports import Keepsakes, Transport
from coleta.runtime.hosts import Hosts
from coleta.stream import Auth, Hidden, SecretRef
from coleta.terms import canonical

UNAUTHORIZED = 401

LONGEST_ANSWER_BYTES = 1_000_000
"""More than any answer with a token has; what is larger is none."""

REST = timedelta(minutes=1)
"""How long what was refused is not sent again, by all streams together: a login that is tried on and on gets locked."""

_SHORTEST = timedelta(seconds=1)
_KEPT = msgspec.json.Decoder(dict[str, str])

Reveal = Callable[[SecretRef], str]


@dataclass(frozen=True, slots=True)
class Means:
    """What keepers of tokens work with. ``reveal`` gives a secret's value, ``hosts`` are those of all requests."""

    transport: Transport
    now: Callable[[], datetime]
    reveal: Reveal
    hosts: Hosts
    keepsakes: Keepsakes


class AuthorizedTransport:
    """The port ``Transport``; requests without ``auth`` pass as they are. For any number of threads."""

    def __init__(self, means: Means, *, close: Callable[[], None] = lambda: None) -> None:
        """Begin without any token; `close` ends the transport below."""
        self._means = means
        self._close = close
        self._lock = threading.Lock()
        self._keepers: dict[str, _Keeper] = {}

    @property
    def hosts(self) -> Hosts:
        """What is known of the hosts that are asked."""
        return self._means.hosts

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        """See ``Transport``; what is done for a token counts towards `timeout`."""
        if request.auth is None:
            return self._means.transport.exchange(request, timeout=timeout, max_bytes=max_bytes)
        until = self._means.now() + timeout
        with self._lock:
            keeper = self._keepers.setdefault(request.auth.name, _Keeper(request.auth, self._means))
        token = keeper.token(until)
        if isinstance(token, Failed):
            return token
        came = self._ask(request, token, until, max_bytes)
        if isinstance(came, Failed) or came.status != UNAUTHORIZED:
            return came
        token = keeper.token(until, refused=token)
        return token if isinstance(token, Failed) else self._ask(request, token, until, max_bytes)

    def close(self) -> None:
        """Cut every exchange under way and refuse new ones."""
        self._close()

    def _ask(self, request: Request, token: Hidden, until: datetime, max_bytes: int) -> Response | Failed:
        bearer = ("Authorization", Hidden(f"Bearer {token.value}"))
        whole = replace(request, headers=(*request.headers, bearer))
        left = max(until - self._means.now(), _SHORTEST)
        return self._means.transport.exchange(whole, timeout=left, max_bytes=max_bytes)


@dataclass(frozen=True, slots=True)
class _Held:
    token: Hidden
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class _Refused:
    sent: str
    """The digest of what was sent: another secret may be tried at once."""
    why: str
    since: datetime


class _Keeper:
    """The token of one ``[auth.NAME]``."""

    def __init__(self, auth: Auth, means: Means) -> None:
        self._auth, self._means = auth, means
        self._host = urlsplit(auth.token_url).netloc.lower()
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._refused: _Refused | None = None
        self._failing = False

    def token(self, until: datetime, *, refused: Hidden | None = None) -> Hidden | Failed:
        """The token to be sent, asked for if need be until then; another one than the API has `refused`."""
        now = self._means.now()
        if not self._lock.acquire(timeout=max(until - now, _SHORTEST).total_seconds()):
            return self._no_token("another stream is still asking for it")
        try:
            held = self._held
            # Before it was given: the clock was set back, and nobody knows how long it is good.
            if held is not None and held.since <= now < held.until and held.token != refused:
                return held.token
            return self._asked(until)
        finally:
            self._lock.release()

    def _asked(self, until: datetime) -> Hidden | Failed:
        self._held = None
        try:
            rotates = self._auth.refresh_token is not None
            left = max(until - self._means.now(), _SHORTEST)
            with self._means.keepsakes.alone(self._auth.name, timeout=left) if rotates else nullcontext():
                return self._granted(self._credentials(), until)
        except Busy as error:
            return self._no_token(str(error))
        except ColetaError as error:
            return self._no_token(f"{error}{f' ({error.hint})' if error.hint else ''}", final=True)

    def _granted(self, credentials: Credentials, until: datetime) -> Hidden | Failed:
        now = self._means.now()
        sent = hashlib.sha256(canonical([credentials.client_id, credentials.client_secret, credentials.refresh_token]))
        refused = self._refused
        if refused is not None and refused.sent == sent.hexdigest() and now - REST < refused.since <= now:
            return self._no_token(f"{refused.why}; not sent again within a minute", final=True)
        if credentials.refresh_token is not None:
            # First, so that nothing is asked for that could not be kept: what it replaces is void from then on.
            self._means.keepsakes.remember(self._auth.name, self._means.keepsakes.recall(self._auth.name) or b"{}")
        said = self._means.hosts.may_ask(self._host, Wish(self._failing, now, until))
        if isinstance(said, Hold):
            return self._no_token(f"{self._host} is left alone for now: {said.why}")
        granted = self._exchange(credentials, until)
        if isinstance(granted, NotGranted):
            self._refused = _Refused(sent.hexdigest(), granted.why, now) if granted.final else None
            return self._no_token(granted.why, final=granted.final)
        if granted.refresh_token is not None and credentials.refresh_token is not None:
            self._keep(granted.refresh_token.value)
        self._refused = None
        self._held = _Held(granted.token, since=now, until=now + granted.good_for)
        return granted.token

    def _exchange(self, credentials: Credentials, until: datetime) -> Granted | NotGranted:
        request = token_request(self._auth, credentials)
        left = max(until - self._means.now(), _SHORTEST)
        came = self._means.transport.exchange(request, timeout=left, max_bytes=LONGEST_ANSWER_BYTES)
        granted = read_token(came)
        wish = Wish(self._failing, self._means.now(), until)
        self._means.hosts.heard(self._host, came, Page(1) if isinstance(granted, Granted) else None, wish)
        self._failing = isinstance(granted, NotGranted) and not granted.final
        return granted

    def _credentials(self) -> Credentials:
        auth, reveal = self._auth, self._means.reveal
        client = auth.client_id if isinstance(auth.client_id, str) else reveal(auth.client_id)
        secret = None if auth.client_secret is None else reveal(auth.client_secret)
        if auth.refresh_token is None:
            return Credentials(client, secret)
        first = reveal(auth.refresh_token)
        return Credentials(client, secret, self._kept(first) or first)

    def _kept(self, first: str) -> str | None:
        """The refresh token that took the place of `first`, in however many steps."""
        stored = self._means.keepsakes.recall(self._auth.name)
        try:
            kept = {} if stored is None else _KEPT.decode(stored)
        except (msgspec.MsgspecError, UnicodeError):
            return None
        # Where a person has put another one into its place since, that one counts.
        return kept.get("refresh_token") if kept.get("first") == _digest(first) else None

    def _keep(self, token: str) -> None:
        assert self._auth.refresh_token is not None
        first = self._means.reveal(self._auth.refresh_token)
        self._means.keepsakes.remember(self._auth.name, canonical({"first": _digest(first), "refresh_token": token}))

    def _no_token(self, why: str, *, final: bool = False) -> Failed:
        what = f"no token of auth.{self._auth.name} could be had from {self._host}: {why}"
        return Failed(Fault.AUTH, what, self._means.now(), final)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
