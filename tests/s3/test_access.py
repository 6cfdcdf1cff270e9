"""Who is let in, what is said when somebody is not, and what is asked of the store with each put."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.s3.proxy import Fault, FaultyProxy, error
from tests.s3.service import ADMIN, LANDER, READER, S3Service

from coleta.adapters.object_store import CloudStore
from coleta.adapters.s3_bucket import Bucket
from coleta.errors import AuthRefused, ColetaError, Doubtful, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists
from coleta.runtime.opening import probe
from coleta.stream import SecretRef, Store

NOWHERE = "http://127.0.0.1:1"


def create(store: CloudStore, name: str = "a", body: bytes = b"body") -> Created | Exists:
    return store.create(name, body, sha256=hashlib.sha256(body).hexdigest())


def calls(store: CloudStore) -> dict[str, Callable[[], object]]:
    return {
        "create": lambda: create(store, "x"),
        "read": lambda: store.read("x"),
        "size": lambda: store.size("x"),
        "names": lambda: list(store.names("")),
    }


CALLS = ["create", "read", "size", "names"]


@pytest.fixture
def proxy(s3: S3Service) -> Iterator[FaultyProxy]:
    with FaultyProxy(s3.endpoint) as proxy:
        yield proxy


def full_text(error: ColetaError) -> str:
    shown = [error, error.hint, repr(error), error.__cause__]
    return " ".join(str(one) for one in (*shown, None if error.__suppress_context__ else error.__context__))


# Before it ever let us in, a refusal is a mistake in the settings -------------------------------------


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_secret_is_refused_and_not_shown(s3: S3Service, call: str) -> None:
    wrong = replace(LANDER, secret_key="canary-that-is-wrong")

    with pytest.raises(
        AuthRefused, match=r"bucket 'lake' in region us-east-1 at http://127.*: access denied"
    ) as caught:
        calls(s3.store(login=wrong))[call]()

    assert "canary" not in full_text(caught.value)


def test_what_is_wrong_with_the_keys_is_said(s3: S3Service) -> None:
    with pytest.raises(AuthRefused, match="SignatureDoesNotMatch") as signature:
        create(s3.store(login=replace(LANDER, secret_key="wrong")))
    with pytest.raises(AuthRefused, match="InvalidAccessKeyId") as key:
        create(s3.store(login=replace(LANDER, access_key="NOBODY")))

    assert "secret key does not belong" in str(signature.value.hint)
    assert "does not know this access key" in str(key.value.hint)


def test_somebody_who_may_only_read_is_told_what_a_lander_needs(s3: S3Service) -> None:
    store = s3.store(login=READER)

    with pytest.raises(AuthRefused, match="403 AccessDenied") as caught:
        create(store)

    assert "s3:PutObject" in str(caught.value.hint)
    assert s3.store(login=READER).read("a") is None


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_bucket_is_named_and_never_taken_for_an_empty_one(s3: S3Service, call: str) -> None:
    with pytest.raises(Misconfigured, match=r"bucket 'nobody-made-it' in region us-east-1.*: there is no such bucket"):
        calls(s3.store(Store("s3://nobody-made-it/lake")))[call]()


@pytest.mark.parametrize("call", CALLS)
def test_an_endpoint_that_nobody_listens_at_is_named(s3: S3Service, call: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"at {NOWHERE}: connection refused"):
        calls(s3.at(NOWHERE).store())[call]()


def test_an_endpoint_whose_name_leads_nowhere_is_named(s3: S3Service) -> None:
    with pytest.raises(StoreUnavailable, match=r"at https://s3\.invalid: (its name cannot be resolved|no connection)"):
        create(s3.at("https://s3.invalid").store())


def test_an_endpoint_without_tls_that_was_called_with_it_gets_no_put(s3: S3Service) -> None:
    with pytest.raises(StoreUnavailable):
        create(s3.at(s3.endpoint.replace("http:", "https:")).store())


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
        error(301, "PermanentRedirect", "<Region>eu-west-1</Region>"),
    ],
)
def test_a_wrong_region_is_named(proxy: FaultyProxy, s3: S3Service, answer: bytes) -> None:
    proxy.plan, proxy.script = lambda seen: Fault.SCRIPTED, answer

    with pytest.raises(Misconfigured, match=r"in region us-east-1.*the bucket is not in this region") as caught:
        create(s3.at(proxy.url).store())

    assert "AWS_REGION" in str(caught.value.hint)


@pytest.mark.parametrize("call", ["read", "size"])
@pytest.mark.parametrize("head", ["404 Not Found", "200 OK"])
def test_a_server_that_is_no_object_store_is_not_believed(
    proxy: FaultyProxy, s3: S3Service, call: str, head: str
) -> None:
    proxy.plan = lambda seen: Fault.SCRIPTED
    proxy.script = f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode()

    with pytest.raises((StoreUnavailable, Misconfigured)):
        calls(s3.at(proxy.url).store())[call]()


def test_a_store_that_does_not_know_conditional_puts_is_not_taken_for_an_outage(
    proxy: FaultyProxy, s3: S3Service
) -> None:
    proxy.plan, proxy.script = lambda seen: Fault.SCRIPTED, error(501, "NotImplemented")

    with pytest.raises(Misconfigured, match="501 NotImplemented"):
        create(s3.at(proxy.url).store())


def test_a_store_that_creates_twice_is_refused_by_the_probe(proxy: FaultyProxy, s3: S3Service) -> None:
    proxy.plan = lambda seen: Fault.SCRIPTED if seen.method == "PUT" and proxy.requests("PUT") else Fault.NONE
    proxy.script = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\n\r\n'

    with pytest.raises(Misconfigured, match="lets an object be created twice"):
        probe(s3.at(proxy.url).store())


# Later it is an outage --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [error(403, "AccessDenied"), error(404, "NoSuchBucket"), error(400, "ExpiredToken")])
@pytest.mark.parametrize("call", CALLS)
def test_once_let_in_a_refusal_is_an_outage(proxy: FaultyProxy, s3: S3Service, answer: bytes, call: str) -> None:
    store = s3.at(proxy.url).store()
    create(store)
    proxy.plan, proxy.script = lambda seen: Fault.SCRIPTED, answer

    with pytest.raises(StoreUnavailable):
        calls(store)[call]()
    proxy.plan = lambda seen: Fault.NONE

    assert store.read("a") == b"body"


def test_new_keys_are_picked_up_without_a_restart(s3: S3Service) -> None:
    variables = s3.environment(LANDER)
    store = CloudStore(Store(s3.url()), environment=lambda: variables, folder=Path())
    create(store)
    variables["AWS_SECRET_ACCESS_KEY"] = "of-yesterday"
    store_of_yesterday = CloudStore(Store(s3.url()), environment=lambda: variables, folder=Path(), known=True)
    with pytest.raises(StoreUnavailable, match="access denied"):
        create(store_of_yesterday)

    variables["AWS_SECRET_ACCESS_KEY"] = LANDER.secret_key

    assert isinstance(create(store_of_yesterday), Created)


def test_a_secret_that_is_missing_while_it_is_rotated_is_an_outage_too(tmp_path: Path, s3: S3Service) -> None:
    key = tmp_path / "key"
    store = CloudStore(
        Store(s3.url(), access_key=SecretRef("env:KEY"), secret_key=SecretRef("file:key")),
        environment=lambda: {"KEY": LANDER.access_key, "AWS_ENDPOINT_URL": s3.endpoint},
        folder=tmp_path,
        known=True,
    )
    with pytest.raises(StoreUnavailable, match="the secret's file cannot be read"):
        create(store)

    key.write_text(LANDER.secret_key)

    assert isinstance(create(store), Created)


def test_no_answer_in_time_leaves_a_put_in_doubt_and_ends_in_bounded_time(proxy: FaultyProxy, s3: S3Service) -> None:
    store = s3.at(proxy.url).store(Store(s3.url(), timeout=timedelta(milliseconds=300)))
    proxy.plan = lambda seen: Fault.HANG

    with pytest.raises(Doubtful, match="no answer in time"):
        create(store)

    assert len(proxy.seen) == 1


def test_a_token_that_the_store_sends_back_is_not_shown(proxy: FaultyProxy, s3: S3Service) -> None:
    proxy.plan = lambda seen: Fault.DENIED

    with pytest.raises(AuthRefused, match="403 ExpiredToken") as caught:
        create(s3.at(proxy.url).store())

    assert proxy.token not in full_text(caught.value)


# Where credentials come from --------------------------------------------------------------------------


def lists(s3: S3Service, variables: dict[str, str], store: Store | None = None, folder: Path | None = None) -> bool:
    given = {"AWS_ENDPOINT_URL_S3": s3.endpoint, **variables}
    opened = CloudStore(store or Store(s3.url()), environment=lambda: given, folder=folder or Path())
    return list(opened.names("")) == []


def test_the_files_own_keys_win_over_the_environments(s3: S3Service) -> None:
    store = Store(s3.url(), access_key=SecretRef("env:LAKE_KEY"), secret_key=SecretRef("env:LAKE_SECRET"))
    keys = {"LAKE_KEY": LANDER.access_key, "LAKE_SECRET": LANDER.secret_key}
    others = {"AWS_ACCESS_KEY_ID": "OTHER", "AWS_SECRET_ACCESS_KEY": "other", "AWS_SESSION_TOKEN": "other"}

    assert lists(s3, {**keys, **others}, store)


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_a_pair_of_keys_is_a_mistake_and_not_passed_over(s3: S3Service, missing: str) -> None:
    variables = s3.environment(LANDER)
    del variables[missing]

    with pytest.raises(AuthRefused, match=f"{missing} is not set"):
        lists(s3, variables)


def test_the_keys_of_a_profile_are_found(tmp_path: Path, s3: S3Service) -> None:
    text = "\n".join(
        f"[{name}]\naws_access_key_id = {login.access_key}\naws_secret_access_key = {login.secret_key}\n"
        for name, login in (("default", ADMIN), ("lake", LANDER))
    )
    file = tmp_path / ".aws" / "credentials"
    file.parent.mkdir()
    file.write_text(text)

    assert lists(s3, {"HOME": str(tmp_path)})
    assert lists(s3, {"HOME": str(tmp_path), "AWS_PROFILE": "lake"})
    assert lists(s3, {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "lake"})
    with pytest.raises(Misconfigured, match="AWS_PROFILE is 'other'"):
        lists(s3, {"HOME": str(tmp_path), "AWS_PROFILE": "other"})


def test_a_damaged_credentials_file_is_not_quoted(tmp_path: Path, s3: S3Service) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\ncanary without an equals sign\n")

    with pytest.raises(Misconfigured, match="no keys of that profile") as caught:
        lists(s3, {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "default"})

    assert "canary" not in full_text(caught.value)


def handed_out(port: str, folder: Path) -> dict[str, str]:
    """The variables by which EKS says where credentials are handed out."""
    token = folder / "token"
    token.write_text("canary-token")
    return {
        # By another name than the S3 has, as it would be.
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://localhost:{port}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }


def test_where_a_service_hands_out_credentials_it_is_asked(s3: S3Service, proxy: FaultyProxy, tmp_path: Path) -> None:
    keys = (
        f'{{"AccessKeyId":"{LANDER.access_key}","SecretAccessKey":"{LANDER.secret_key}","Token":"none",'
        '"Expiration":"2099-01-01T00:00:00Z"}'
    ).encode()
    proxy.plan = lambda seen: Fault.SCRIPTED
    proxy.script = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(keys) + keys

    # SeaweedFS knows no session tokens, so it refuses these keys: that they were sent is what counts here.
    with pytest.raises(AuthRefused, match=r"at http://127\.0\.0\.1.*: access denied") as caught:
        lists(s3, handed_out(proxy.url.rpartition(":")[2], tmp_path))

    assert [seen.path for seen in proxy.seen] == ["/credentials"]
    assert LANDER.secret_key not in full_text(caught.value)


@pytest.mark.parametrize("answer", [error(500, "InternalError"), error(403, "AccessDenied"), error(404, "NoSuchKey")])
def test_a_service_that_hands_out_no_credentials_is_not_taken_for_the_store(
    s3: S3Service, proxy: FaultyProxy, tmp_path: Path, answer: bytes
) -> None:
    proxy.plan, proxy.script = lambda seen: Fault.SCRIPTED, answer
    variables = {**handed_out(proxy.url.rpartition(":")[2], tmp_path), "AWS_ENDPOINT_URL": s3.endpoint}
    store = CloudStore(Store(s3.url()), environment=lambda: variables, folder=Path())

    for call in CALLS:
        with pytest.raises(AuthRefused, match="service that hands out credentials"):
            calls(store)[call]()
    assert len(proxy.seen) >= len(CALLS)


# What is asked of the store ---------------------------------------------------------------------------


def test_encryption_and_storage_class_are_asked_for_with_each_put(proxy: FaultyProxy, s3: S3Service) -> None:
    url = s3.url()
    store = s3.at(proxy.url).store(
        Store(url, encryption="aws:kms", kms_key="arn:aws:kms:::key/1", storage_class="STANDARD_IA")
    )
    proxy.plan = lambda seen: Fault.SCRIPTED if seen.method == "PUT" else Fault.NONE
    proxy.script = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\n\r\n'

    create(store)

    headers = proxy.requests("PUT")[0].headers
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "arn:aws:kms:::key/1"
    assert headers["x-amz-storage-class"] == "STANDARD_IA"
    assert headers["if-none-match"] == "*"


def test_the_stores_own_encryption_can_be_asked_for(proxy: FaultyProxy, s3: S3Service) -> None:
    store = s3.at(proxy.url).store(Store(s3.url(), encryption="AES256"))
    proxy.plan = lambda seen: Fault.SCRIPTED if seen.method == "PUT" else Fault.NONE
    proxy.script = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\n\r\n'

    create(store)

    assert proxy.requests("PUT")[0].headers["x-amz-server-side-encryption"] == "AES256"


@pytest.mark.parametrize(
    ("store", "variables", "base"),
    [
        (Store("s3://lake"), {}, "https://s3.us-east-1.amazonaws.com"),
        (Store("s3://lake"), {"AWS_REGION": "sa-east-1"}, "https://s3.sa-east-1.amazonaws.com"),
        (Store("s3://lake"), {"AWS_DEFAULT_REGION": "sa-east-1"}, "https://s3.sa-east-1.amazonaws.com"),
        (Store("s3://lake", region="eu-west-1"), {"AWS_REGION": "sa-east-1"}, "https://s3.eu-west-1.amazonaws.com"),
        (Store("s3://lake", path_style=False), {}, "https://lake.s3.us-east-1.amazonaws.com"),
        (Store("s3://lake"), {"AWS_ENDPOINT_URL": "https://a.example/"}, "https://a.example"),
        (
            Store("s3://lake", endpoint="https://b.example:1"),
            {"AWS_ENDPOINT_URL_S3": "https://a"},
            "https://b.example:1",
        ),
        (Store("s3://lake", endpoint="http://b.example", allow_http=True), {}, "http://b.example"),
        (Store("s3://lake", endpoint="http://localhost:1"), {}, "http://localhost:1"),
        (Store("s3://lake", endpoint="http://b.example"), {"AWS_ALLOW_HTTP": "true"}, "http://b.example"),
    ],
)
def test_requests_go_where_the_file_and_then_the_environment_say(
    store: Store, variables: dict[str, str], base: str
) -> None:
    assert Bucket(store, "lake", environment=lambda: variables, folder=Path()).base == base


@pytest.mark.parametrize(
    "endpoint", ["http://minio.example", "https://user:canary@minio.example", "minio.example", "https://a/b"]
)
def test_an_endpoint_that_is_not_safe_or_no_base_url_is_refused_without_its_secrets(endpoint: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Bucket(Store("s3://lake"), "lake", environment=lambda: {"AWS_ENDPOINT_URL": endpoint}, folder=Path())

    assert "canary" not in full_text(caught.value)


def create_for_sure(store: CloudStore, name: str) -> None:
    """Create an empty object; a busy machine's store may be slow to answer now and then."""
    for _ in range(5):
        with suppress(Doubtful, StoreUnavailable):
            create(store, name, b"")
            return
    pytest.fail(f"{name} could not be created")


def test_a_listing_is_complete_beyond_a_thousand_names(s3: S3Service) -> None:
    store = s3.store()
    names = [f"data/{n:05d}" for n in range(1_050)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: create_for_sure(store, name), names))

    assert list(store.names("data/")) == names
    assert list(store.names("data/0104")) == names[1040:]


def test_an_object_larger_than_what_travels_in_one_timeout_is_given_more_time(
    proxy: FaultyProxy, s3: S3Service
) -> None:
    # A timeout of 10 ms is for 10 kB; 4 MB have 5 s, and the store needs some of that.
    url = s3.url()
    body = bytes(4_000_000)
    store = s3.at(proxy.url).store(Store(url, timeout=timedelta(milliseconds=10)), known=True)

    assert isinstance(create(store, "large", body), Created)
    direct = s3.store(Store(url))
    assert direct.size("large") == len(body)
