"""What is asked of Google Cloud Storage, and what is made of its answers, against a server that plays it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.clouds.google import TOKEN, GoogleService

from coleta.adapters.google_bucket import find_login
from coleta.adapters.object_store import CloudStore
from coleta.errors import AuthRefused, ColetaError, Doubtful, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists
from coleta.runtime.opening import probe
from coleta.stream import SecretRef, Store

CALLS = ["create", "read", "last", "size", "names"]


def create(store: CloudStore, name: str = "a", body: bytes = b"body") -> Created | Exists:
    return store.create(name, body, sha256=hashlib.sha256(body).hexdigest())


def calls(store: CloudStore) -> dict[str, Callable[[], object]]:
    return {
        "create": lambda: create(store, "x"),
        "read": lambda: store.read("x"),
        "last": lambda: store.read("x", last=8),
        "size": lambda: store.size("x"),
        "names": lambda: list(store.names("")),
    }


def full_text(error: ColetaError) -> str:
    return " ".join(str(one) for one in (error, error.hint, repr(error), error.__cause__))


def test_a_create_asks_that_no_generation_is_there_and_is_sent_once(google: GoogleService) -> None:
    google.script = [(503, "ServiceUnavailable")]

    with pytest.raises(Doubtful, match="503 ServiceUnavailable"):
        create(google.store())

    (put,) = google.asked
    assert (put.method, put.headers["x-goog-if-generation-match"]) == ("PUT", "0")
    assert put.headers["authorization"] == f"Bearer {TOKEN}"


def test_nothing_is_sent_that_could_delete_or_overwrite(google: GoogleService) -> None:
    store = google.store()
    probe(store)
    create(store)
    for call in calls(store).values():
        call()

    assert {asked.method for asked in google.asked} <= {"PUT", "GET", "HEAD"}
    puts = [asked for asked in google.asked if asked.method == "PUT"]
    assert {put.headers["x-goog-if-generation-match"] for put in puts} == {"0"}


def test_the_storage_class_is_asked_for_with_each_put(google: GoogleService) -> None:
    place = Store(google.url(), endpoint=google.endpoint, token=SecretRef("env:TOKEN"), storage_class="NEARLINE")

    create(google.store(place))

    assert google.asked[0].headers["x-goog-storage-class"] == "NEARLINE"


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_token_is_refused_and_not_shown(google: GoogleService, call: str) -> None:
    with pytest.raises(AuthRefused, match=r"bucket 'lake' at http://127.*: access denied \(401") as caught:
        calls(google.store(token="canary-that-is-wrong"))[call]()

    assert "canary" not in full_text(caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_after_it_let_us_in_a_refusal_is_an_outage(google: GoogleService, call: str) -> None:
    with pytest.raises(StoreUnavailable, match="access denied"):
        calls(google.store(token="of-yesterday", known=True))[call]()


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_bucket_is_named_and_never_taken_for_an_empty_one(google: GoogleService, call: str) -> None:
    with pytest.raises(Misconfigured, match=r"bucket 'nobody-made-it' at .*: there is no such bucket"):
        calls(google.store(google.place("gs://nobody-made-it/lake")))[call]()


@pytest.mark.parametrize("call", CALLS)
def test_an_endpoint_that_nobody_listens_at_is_named(google: GoogleService, call: str) -> None:
    place = Store("gs://lake", endpoint="http://127.0.0.1:1", token=SecretRef("env:TOKEN"))

    with pytest.raises(StoreUnavailable, match=r"at http://127\.0\.0\.1:1: connection refused"):
        calls(google.store(place))[call]()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "OperationAborted", Doubtful),
        (429, "SlowDown", Doubtful),
        (500, "InternalError", Doubtful),
        (400, "InvalidArgument", Misconfigured),
        (404, "NoSuchUpload", Misconfigured),
        (403, "AccessDenied", AuthRefused),
    ],
)
def test_what_a_put_is_answered_is_taken_for_what_it_says(
    google: GoogleService, status: int, code: str, kind: type[ColetaError]
) -> None:
    google.script = [(status, code)]

    with pytest.raises(kind) as caught:
        create(google.store())

    assert type(caught.value) is kind


def test_a_read_is_tried_again_and_a_listing_goes_over_all_pages(google: GoogleService) -> None:
    store = google.store()
    names = [f"data/{n:04d}" for n in range(700)]
    for name in names:
        create(store, name)
    google.script = [(503, "ServiceUnavailable")]

    assert store.read("data/0000") == b"body"
    assert list(store.names("data/")) == names


def test_the_first_way_to_log_in_that_is_there_is_taken(tmp_path: Path) -> None:
    key, left = tmp_path / "key.json", tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    left.parent.mkdir(parents=True)
    for file in (key, left):
        file.write_text("{}", encoding="utf-8")
    home = {"HOME": str(tmp_path)}
    named = {**home, "GOOGLE_APPLICATION_CREDENTIALS": "key.json"}
    token, account = SecretRef("env:T"), SecretRef("file:key.json")

    def login(store: Store, variables: dict[str, str]) -> object:
        return find_login(store, lambda: variables, tmp_path)

    assert login(Store("gs://b", token=token), {"T": "t", **named}) == {"bearer_token": "t"}
    assert login(Store("gs://b", service_account=account), named) == {"service_account_key": "{}"}
    assert login(Store("gs://b"), named) == {"application_credentials": str(key)}
    assert login(Store("gs://b"), home) == {"application_credentials": str(left)}
    assert login(Store("gs://b"), {}) == {}


def test_credentials_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    variables = {"GOOGLE_APPLICATION_CREDENTIALS": "nowhere.json"}
    store = CloudStore(Store("gs://lake"), environment=lambda: variables, folder=tmp_path)

    with pytest.raises(AuthRefused, match=r"nowhere\.json: GOOGLE_APPLICATION_CREDENTIALS names no file"):
        store.read("a")


@pytest.mark.parametrize(
    "text", ["canary, and no JSON", json.dumps({"type": "service_account", "private_key": "canary"})]
)
def test_a_key_without_its_form_is_refused_and_not_shown(google: GoogleService, text: str) -> None:
    place = Store("gs://lake", endpoint=google.endpoint, service_account=SecretRef("env:KEY"))
    store = CloudStore(place, environment=lambda: {"KEY": text}, folder=Path())

    for call in CALLS:
        with pytest.raises(AuthRefused) as caught:
            calls(store)[call]()
        assert "canary" not in full_text(caught.value)
    assert google.asked == []
