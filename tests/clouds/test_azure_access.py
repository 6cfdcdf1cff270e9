"""Who is let into a container, what is said when somebody is not, and where requests go."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.clouds.azurite import ACCOUNT, ACCOUNT_KEY, AzureService, sas_token
from tests.s3.proxy import Fault, FaultyProxy, error

from coleta.adapters.azure_container import AzureContainer, find_login
from coleta.adapters.object_store import CloudStore
from coleta.errors import AuthRefused, ColetaError, Doubtful, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists
from coleta.runtime.opening import probe
from coleta.stream import SecretRef, Store

CALLS = ["create", "read", "last", "size", "names"]
NOWHERE = "http://127.0.0.1:1"


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


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_key_is_refused_and_not_shown(azure: AzureService, call: str) -> None:
    wrong = base64.b64encode(b"canary-that-is-wrong").decode()

    with pytest.raises(
        AuthRefused, match=rf"container 'lake' of account '{ACCOUNT}' at http.*: access denied"
    ) as caught:
        calls(replace(azure, login={"AZURE_STORAGE_ACCOUNT_KEY": wrong}).store())[call]()

    assert wrong not in full_text(caught.value)


@pytest.mark.parametrize("variable", ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"])
def test_a_credential_without_its_form_is_refused_and_not_shown(azure: AzureService, variable: str) -> None:
    with pytest.raises(AuthRefused) as caught:
        replace(azure, login={variable: "canary ??? not a key"}).store().read("x")

    assert "canary" not in full_text(caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_container_is_named_and_never_taken_for_an_empty_one(azure: AzureService, call: str) -> None:
    with pytest.raises(Misconfigured, match=r"container 'nobody-made-it' of .*: there is no such container"):
        calls(azure.store(Store("az://nobody-made-it/lake")))[call]()


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_account_is_told(azure: AzureService, call: str) -> None:
    with pytest.raises(Misconfigured, match=r"account 'somebodyelse' at http"):
        calls(replace(azure, account="somebodyelse").store())[call]()


@pytest.mark.parametrize("call", CALLS)
def test_an_endpoint_that_nobody_listens_at_is_named(azure: AzureService, call: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"at {NOWHERE}: connection refused"):
        calls(azure.at(NOWHERE).store())[call]()


def test_a_sas_token_that_may_only_read_is_told_what_a_lander_needs(azure: AzureService) -> None:
    store = replace(azure, login={"AZURE_STORAGE_SAS_TOKEN": "?" + sas_token("rl")}).store()

    with pytest.raises(AuthRefused, match="access denied") as caught:
        create(store)
    assert "Storage Blob Data Contributor" in str(caught.value.hint)
    assert "sig=" not in full_text(caught.value)
    assert store.read("a") is None


def test_a_sas_token_that_has_expired_is_refused_before_and_an_outage_after_it_worked(azure: AzureService) -> None:
    old = replace(azure, login={"AZURE_STORAGE_SAS_TOKEN": sas_token("rcwl", hours=-1)})

    with pytest.raises(AuthRefused, match="access denied"):
        old.store().read("a")
    with pytest.raises(StoreUnavailable, match="access denied"):
        old.store(known=True).read("a")


def test_the_probe_passes_and_passes_again(azure: AzureService) -> None:
    store = azure.lander(Store(azure.url()))

    probe(store)
    probe(store)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(409, "BlobBeingRehydrated"), Doubtful),
        (error(500, "OperationTimedOut"), Doubtful),
        (error(503, "ServerBusy"), Doubtful),
        (error(429, "TooManyRequests"), Doubtful),
        (error(400, "InvalidHeaderValue"), Misconfigured),
        (error(404, ""), Misconfigured),
        (error(401, "NoAuthenticationInformation"), AuthRefused),
    ],
)
def test_what_a_put_is_answered_is_taken_for_what_it_says(
    azure: AzureService, answer: bytes, kind: type[ColetaError]
) -> None:
    with FaultyProxy(azure.endpoint) as proxy:
        proxy.plan, proxy.script = lambda seen: Fault.SCRIPTED, answer

        with pytest.raises(kind) as caught:
            create(azure.at(proxy.url).store())

    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "answer", [error(409, "BlobAlreadyExists"), error(412, "ConditionNotMet"), error(403, "UnauthorizedBlobOverwrite")]
)
def test_whatever_says_that_something_lies_there_is_believed(azure: AzureService, answer: bytes) -> None:
    with FaultyProxy(azure.endpoint) as proxy:
        proxy.plan, proxy.script = lambda seen: Fault.SCRIPTED, answer

        assert isinstance(create(azure.at(proxy.url).store()), Exists)


def test_the_tier_is_asked_for_with_each_put(azure: AzureService) -> None:
    with FaultyProxy(azure.endpoint) as proxy:
        create(azure.at(proxy.url).store(Store(azure.url(), storage_class="Cool")))

        assert proxy.requests("PUT")[0].headers["x-ms-access-tier"] == "Cool"


# Where requests go, and with which login ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("store", "variables", "base"),
    [
        (Store("az://lake", account="one"), {}, "https://one.blob.core.windows.net"),
        (Store("az://lake"), {"AZURE_STORAGE_ACCOUNT_NAME": "two"}, "https://two.blob.core.windows.net"),
        (Store("az://lake", account="one"), {"AZURE_STORAGE_ACCOUNT": "two"}, "https://one.blob.core.windows.net"),
        (Store("abfss://lake@one.dfs.core.windows.net/x"), {}, "https://one.blob.core.windows.net"),
        (Store("abfss://lake@one.dfs.core.chinacloudapi.cn"), {}, "https://one.blob.core.chinacloudapi.cn"),
        (Store("az://lake", account="one", endpoint="https://b.example"), {}, "https://b.example"),
        (Store("az://lake", account="one"), {"AZURE_STORAGE_ENDPOINT": "https://b.example/"}, "https://b.example"),
        (Store("az://lake", account="one", endpoint="http://127.0.0.1:1"), {}, "http://127.0.0.1:1/one"),
        (Store("az://lake", account="one", endpoint="http://localhost:1"), {}, "http://localhost:1/one"),
    ],
)
def test_requests_go_where_the_file_and_then_the_environment_say(
    store: Store, variables: dict[str, str], base: str
) -> None:
    name = store.url.partition("://")[2].partition("/")[0]

    container = AzureContainer(store, name, environment=lambda: variables, folder=Path())

    assert container.base == base
    assert container.name == "lake"


@pytest.mark.parametrize("endpoint", ["http://blobs.example", "https://user:canary@blobs.example", "blobs.example"])
def test_an_endpoint_that_is_not_safe_or_no_base_url_is_refused_without_its_secrets(endpoint: str) -> None:
    variables = {"AZURE_STORAGE_ENDPOINT": endpoint, "AZURE_STORAGE_ACCOUNT_NAME": "one"}

    with pytest.raises(Misconfigured) as caught:
        AzureContainer(Store("az://lake"), "lake", environment=lambda: variables, folder=Path())

    assert "canary" not in full_text(caught.value)


def test_without_an_account_it_is_said_where_to_name_one() -> None:
    with pytest.raises(Misconfigured, match="no storage account is named") as caught:
        AzureContainer(Store("az://lake"), "lake", environment=dict, folder=Path())

    assert "AZURE_STORAGE_ACCOUNT_NAME" in str(caught.value.hint)


PRINCIPAL = {"AZURE_CLIENT_ID": "me", "AZURE_TENANT_ID": "us", "AZURE_CLIENT_SECRET": "canary"}


@pytest.mark.parametrize(
    ("store", "variables", "kind"),
    [
        (Store("az://x", account_key=SecretRef("env:K")), {"K": "a2V5", "AZURE_STORAGE_KEY": "b"}, "access_key"),
        (Store("az://x", sas_token=SecretRef("env:K")), {"K": "?sig=x", "AZURE_STORAGE_KEY": "b"}, "sas_token"),
        (Store("az://x", token=SecretRef("env:K")), {"K": "t", "AZURE_STORAGE_KEY": "b"}, "bearer_token"),
        (Store("az://x"), {"AZURE_STORAGE_ACCOUNT_KEY": "a2V5", **PRINCIPAL}, "access_key"),
        (Store("az://x"), {"AZURE_STORAGE_SAS_TOKEN": "sig=x", **PRINCIPAL}, "sas_token"),
        (Store("az://x"), PRINCIPAL, "client_secret"),
        (Store("az://x"), {"AZURE_FEDERATED_TOKEN_FILE": "/t", "AZURE_CLIENT_ID": "me"}, "workload_identity"),
        (Store("az://x"), {"AZURE_USE_AZURE_CLI": "true"}, "azure_cli"),
        (Store("az://x"), {}, "managed_identity"),
    ],
)
def test_the_first_way_to_log_in_that_is_there_is_taken(store: Store, variables: dict[str, str], kind: str) -> None:
    login = find_login(store, lambda: variables, Path())

    assert login["credential_type"] == kind


def test_the_files_key_wins_over_the_environments(azure: AzureService) -> None:
    variables = {**azure.environment(), "AZURE_STORAGE_ACCOUNT_KEY": "d3Jvbmc=", "MINE": ACCOUNT_KEY}
    place = Store(azure.url(), account_key=SecretRef("env:MINE"))

    assert list(CloudStore(place, environment=lambda: variables, folder=Path()).names("")) == []


def test_an_abfss_url_leads_to_the_same_container(azure: AzureService) -> None:
    create(azure.store(Store("az://lake/both")), "from-az")
    place = Store(f"abfss://lake@{ACCOUNT}.dfs.core.windows.net/both", endpoint=azure.endpoint)

    assert list(azure.store(place).names("")) == ["from-az"]


def test_a_login_service_that_does_not_answer_is_not_taken_for_the_store(azure: AzureService) -> None:
    login = {**PRINCIPAL, "AZURE_AUTHORITY_HOST": NOWHERE}

    for call in CALLS:
        with pytest.raises(AuthRefused, match="credentials") as caught:
            calls(replace(azure, login=login).store())[call]()
        assert "canary" not in full_text(caught.value)
