"""The body of a request: what is filled in, what keeps its type, and that nothing of it is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from coleta.collect.body import rendered
from coleta.collect.marks import Place
from coleta.collect.paging import Next
from coleta.collect.request import Question, first_request, is_incremental, is_window, page_request
from coleta.collect.tick import Interval
from coleta.paging import Cursor, Offset, PageNumber, Paging, SinglePage
from coleta.stream import Body, FormBody, Hidden, JsonBody, SecretRef, Source

TICK = Interval(datetime(2026, 11, 24, 11, 55, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC))


def reveal(secret: SecretRef | Hidden) -> str:
    return "canary"


def sent(body: Body, *, cursor: Place | None = None, paging: Paging | None = None, page: Next | None = None) -> str:
    source = Source("http://h/x", method="POST", body=body, paging=paging or SinglePage())
    question = Question(TICK, cursor)
    request = first_request(source, question) if page is None else page_request(source, question, page)
    assert request.body is not None
    assert "canary" not in repr(request) + str(request.redacted())
    return rendered(request.body, reveal)[0].decode()


def test_a_body_of_json_is_sent_with_its_placeholders_filled_and_its_types_kept() -> None:
    value: dict[str, object] = {
        "a": {"since": "{tick.start}", "n": [1, 2.5, True, "ü{tick.end:%Y}"]},
        "end": "{tick.end:unix}",
    }

    assert json.loads(sent(JsonBody(value))) == {
        "a": {"since": "2026-11-24T11:55:00Z", "n": [1, 2.5, True, "ü2026"]},
        "end": 1795521600,
    }


@pytest.mark.parametrize(
    ("template", "cursor", "becomes"), [("{cursor}", 7, 7), ("{cursor}", "7", "7"), ("id > {cursor}", 7, "id > 7")]
)
def test_a_placeholder_alone_has_the_cursors_type(template: str, cursor: Place, becomes: object) -> None:
    assert json.loads(sent(JsonBody({"from": template}), cursor=cursor)) == {"from": becomes}


def test_what_names_a_cursor_that_nobody_knows_is_left_out() -> None:
    body = JsonBody({"from": "{cursor}", "x": {"y": "{cursor}"}, "z": ["{cursor}", 1]})

    assert json.loads(sent(body)) == {"x": {}, "z": [1]}
    assert sent(FormBody((("from", "{cursor}"), ("a", "1")))) == "a=1"


def test_what_is_literal_is_sent_as_it_is() -> None:
    query = "{ orders { pageInfo {cursor} } } {tick.end}"
    source = Source("http://h/x", body=JsonBody({"query": query}, frozenset({"query"})))

    assert json.loads(sent(JsonBody({"query": query}, frozenset({"query"})))) == {"query": query}
    assert not is_incremental(source)
    assert not is_window(source)


def test_placeholders_in_a_body_make_a_window_or_carry_state() -> None:
    assert is_window(Source("http://h/x", body=JsonBody({"a": [{"b": "{tick.end}"}]})))
    assert is_window(Source("http://h/x", body=FormBody((("a", "{tick.end}"),))))
    assert is_incremental(Source("http://h/x", body=JsonBody({"a": "{cursor}"})))


def test_secrets_come_in_at_the_last_moment() -> None:
    assert json.loads(sent(JsonBody({"a": [{"key": SecretRef("env:KEY")}]}))) == {"a": [{"key": "canary"}]}
    assert parse_qsl(sent(FormBody((("key", SecretRef("env:KEY")), ("q", "a&b"))))) == [("key", "canary"), ("q", "a&b")]


@pytest.mark.parametrize(
    ("paging", "page", "member"),
    [
        (PageNumber("q.page", into="body", size_param="q.n", size=5), Next(2), {"page": 2, "n": 5}),
        (Offset("q.from", into="body"), Next(2, 50), {"from": 50}),
        (Cursor("q.after", next=("n",), into="body"), Next(2, "c"), {"after": "c"}),
        (Cursor("q.after", next=("n",), into="body"), Next(2, 7), {"after": 7}),
        (Cursor("q.after", next=("n",), into="body"), Next(1), {}),
    ],
)
def test_a_page_is_asked_for_in_the_body(paging: Paging, page: Next, member: dict[str, object]) -> None:
    body = JsonBody({"q": {"kind": "x"}})

    assert json.loads(sent(body, paging=paging, page=page)) == {"q": {"kind": "x", **member}}
    assert body.value == {"q": {"kind": "x"}}, "what the project says is not changed"


def test_a_page_is_asked_for_in_a_form() -> None:
    body = FormBody((("q", "x"),))

    assert sent(body, paging=PageNumber(into="body"), page=Next(3)) == "q=x&page=3"


def test_a_secret_parameter_goes_beside_the_url_and_is_not_shown() -> None:
    source = Source("http://h/x", params=(("q", "1"), ("who", SecretRef("env:KEY"))))

    request = first_request(source, Question(TICK))

    assert request.url == "http://h/x?q=1"
    assert request.params == (("who", SecretRef("env:KEY")),)
    assert request.shown == "http://h/x?q=1&who=***"
