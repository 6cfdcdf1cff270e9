"""One token for all streams: asked for once, replaced once after a 401; no refresh token is ever lost (A 21)."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import parse_qs

from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.runtime.hosts import Hosts
from coleta.runtime.tokens import AuthorizedTransport, Means
from coleta.stream import Auth, Hidden, SecretRef
from coleta.testing.keepsakes import MemoryKeepsakes
from coleta.testing.memory import START, ManualClock

AUTH = Auth("erp", "https://login.test/token", "client", SecretRef("env:SECRET"))
REFRESHING = replace(AUTH, refresh_token=SecretRef("env:REFRESH"))
ASK = Request("https://api.test/orders", auth=AUTH)
SECOND = timedelta(seconds=1)


@dataclass(eq=False)
class Internet:
    """A login server and an API that takes the newest token only; what both were asked is in ``asked``."""

    clock: ManualClock
    good_for_s: int = 3600
    login: int | Fault = 200
    revoked: bool = False
    """The API takes no token at all."""
    rotates: bool = False
    refresh: str = "first"
    issued: int = 0
    asked: list[str] = field(default_factory=list)

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        if request.url != AUTH.token_url:
            sent = [value.value for name, value in request.headers if isinstance(value, Hidden)]
            self.asked.append(*sent)
            good = sent == [f"Bearer t{self.issued}"] and not self.revoked
            return self._said(b"[]", 200 if good else 401)
        assert request.form is not None
        form = {name: values[0] for name, values in parse_qs(request.form.value).items()}
        self.asked.append(form.get("refresh_token", "credentials"))
        if isinstance(self.login, Fault):
            return Failed(self.login, "as planned", self.clock.now())
        if self.login != 200 or form.get("refresh_token", self.refresh) != self.refresh:
            return self._said(b'{"error": "invalid_grant"}', self.login if self.login != 200 else 400)
        self.issued += 1
        answer: dict[str, object] = {"access_token": f"t{self.issued}", "expires_in": self.good_for_s}
        if self.rotates:
            self.refresh = answer["refresh_token"] = f"refresh{self.issued}"
        return self._said(json.dumps(answer).encode())

    def _said(self, body: bytes, status: int = 200) -> Response:
        now = self.clock.now()
        return Response(status, (), body, body, None, now, now)


@dataclass(eq=False)
class Office:
    """Machines' processes that share a disk."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    keepsakes: MemoryKeepsakes = field(default_factory=MemoryKeepsakes)
    secrets: dict[str, str] = field(default_factory=lambda: {"env:SECRET": "s", "env:REFRESH": "first"})

    def __post_init__(self) -> None:
        self.net = Internet(self.clock)

    def process(self) -> AuthorizedTransport:
        means = Means(self.net, self.clock.now, lambda one: self.secrets[one.reference], Hosts(), self.keepsakes)
        return AuthorizedTransport(means)


def ask(transport: AuthorizedTransport, request: Request = ASK) -> Response | Failed:
    return transport.exchange(request, timeout=30 * SECOND, max_bytes=1_000)


def status(came: Response | Failed) -> int | str:
    return came.status if isinstance(came, Response) else str(came.fault)


def failed(came: Response | Failed) -> Failed:
    assert isinstance(came, Failed)
    return came


def test_a_request_without_auth_goes_out_as_it_is() -> None:
    office = Office()

    office.process().exchange(replace(ASK, auth=None, headers=(("A", Hidden("b")),)), timeout=SECOND, max_bytes=9)

    assert office.net.asked == ["b"]


def test_a_token_is_asked_for_once_and_used_by_all_until_shortly_before_its_end() -> None:
    office = Office()
    process = office.process()

    for _ in range(3):
        ask(process)
    ask(process, replace(ASK, url="https://api.test/other"))
    assert office.net.asked == ["credentials", *["Bearer t1"] * 4]

    office.clock.advance(timedelta(minutes=59))
    ask(process)
    assert office.net.asked[5:] == ["credentials", "Bearer t2"]


def test_a_401_replaces_the_token_once_and_the_request_is_made_once_more() -> None:
    office = Office()
    process = office.process()
    ask(process)
    office.net.issued = 7  # somebody has revoked t1

    assert status(ask(process)) == 200
    assert office.net.asked[2:] == ["Bearer t1", "credentials", "Bearer t8"]


def test_a_401_that_stays_is_given_as_it_came_after_one_new_token() -> None:
    office = Office()
    office.net.revoked = True

    assert status(ask(office.process())) == 401
    assert office.net.asked == ["credentials", "Bearer t1", "credentials", "Bearer t2"]


def test_of_many_that_are_refused_at_once_only_the_first_replaces_the_token() -> None:
    office = Office()
    process = office.process()
    ask(process)
    office.net.issued = 7
    office.net.asked.clear()

    threads = [threading.Thread(target=ask, args=(process,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert office.net.asked.count("credentials") == 1
    assert office.net.asked.count("Bearer t8") == 8


def test_a_refusal_is_final_and_the_same_is_not_sent_again_for_a_minute_by_any_stream() -> None:
    office = Office()
    office.net.login = 401
    process = office.process()

    came = [failed(ask(process)) for _ in range(5)]

    assert {(one.fault, one.final) for one in came} == {(Fault.AUTH, True)}
    assert "HTTP status 401 (invalid_grant)" in came[0].detail
    assert office.net.asked == ["credentials"]
    office.clock.advance(timedelta(minutes=1))
    ask(process)
    assert office.net.asked == ["credentials"] * 2


def test_another_secret_is_tried_at_once() -> None:
    office = Office()
    office.net.login = 401
    process = office.process()
    ask(process)
    office.net.login = 200
    office.secrets["env:SECRET"] = "right"

    assert status(ask(process)) == 200


def test_what_passes_may_be_asked_again_within_the_tick_but_not_without_end() -> None:
    office = Office()
    office.net.login = Fault.REFUSED
    process = office.process()

    came = [failed(ask(process)) for _ in range(50)]

    assert {one.final for one in came} == {False}
    assert "refused: as planned" in came[0].detail
    assert "is left alone for now" in came[-1].detail
    assert 2 <= len(office.net.asked) <= 15
    office.net.login = 200
    office.clock.advance(timedelta(minutes=11))
    assert status(ask(process)) == 200


def test_a_secret_that_is_missing_is_told_by_its_name() -> None:
    office = Office()

    def reveal(secret: SecretRef) -> str:
        from coleta.errors import AuthRefused

        raise AuthRefused("the environment variable SECRET is not set", hint="set SECRET before starting")

    means = Means(office.net, office.clock.now, reveal, Hosts(), office.keepsakes)
    came = failed(ask(AuthorizedTransport(means)))

    assert came.final
    assert "SECRET is not set (set SECRET before starting)" in came.detail


def test_a_refresh_token_that_came_in_place_of_another_is_used_by_the_next_process() -> None:
    office = Office()
    office.net.rotates = True
    request = replace(ASK, auth=REFRESHING)

    for _ in range(3):
        assert status(ask(office.process(), request)) == 200

    assert [one for one in office.net.asked if "Bearer" not in one] == ["first", "refresh1", "refresh2"]


def test_a_refresh_token_that_a_person_puts_in_its_place_counts() -> None:
    office = Office()
    office.net.rotates = True
    request = replace(ASK, auth=REFRESHING)
    ask(office.process(), request)
    office.net.refresh = office.secrets["env:REFRESH"] = "by hand"

    assert status(ask(office.process(), request)) == 200


def test_a_wrong_one_in_its_place_does_not_cost_the_one_that_is_kept() -> None:
    office = Office()
    office.net.rotates = True
    request = replace(ASK, auth=REFRESHING)
    ask(office.process(), request)
    office.secrets["env:REFRESH"] = "a typing mistake"
    assert status(ask(office.process(), request)) == "auth"
    office.secrets["env:REFRESH"] = "first"

    assert status(ask(office.process(), request)) == 200


def test_no_token_is_asked_for_whose_refresh_token_could_not_be_kept() -> None:
    office = Office()
    office.net.rotates = True
    office.keepsakes.full = True
    request = replace(ASK, auth=REFRESHING)

    came = failed(ask(office.process(), request))

    assert "could not be kept: the disk is full" in came.detail
    assert office.net.asked == []
    office.keepsakes.full = False
    assert status(ask(office.process(), request)) == 200


def test_a_clock_that_was_set_back_does_not_lengthen_a_tokens_life() -> None:
    office = Office()
    process = office.process()
    ask(process)
    office.clock.set(START - timedelta(days=1))

    ask(process)

    assert office.net.asked == ["credentials", "Bearer t1", "credentials", "Bearer t2"]


def test_nothing_of_a_token_is_in_what_fails() -> None:
    office = Office()
    process = office.process()
    ask(process)
    office.net.revoked, office.net.login = True, 400

    came = failed(ask(process))

    assert [word for word in ("t1", "first", "Basic", "Bearer t") if word in f"{came!r} {process!r}"] == []
