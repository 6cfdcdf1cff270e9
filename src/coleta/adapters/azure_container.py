"""The outside thing, a container of Azure Blob Storage: where it is, and clients for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coleta.adapters.azure_refusals import judge
from coleta.adapters.cloud_bucket import CloudBucket, Environment, check_endpoint
from coleta.adapters.refusals import Refusal
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.errors import AuthRefused, Misconfigured
from coleta.stream import Store

if TYPE_CHECKING:
    from obstore.store import AzureConfig, AzureStore, ClientConfig, RetryConfig

ACCOUNT = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
ENDPOINT = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
ACCOUNT_KEY = ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY")
SAS_TOKEN = ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY")
"""Variables, each with its other name; the first that is set is taken."""

_ADDRESS = re.compile(r"[0-9.]+|\[.*\]|localhost")
_EXAMPLE = "https://myaccount.blob.core.windows.net"


class AzureContainer(CloudBucket):
    """A container that `store` names, reached as it and the environment say."""

    # What one "Put Blob" takes since 2019; the limit of S3 is near enough to be ours for both.
    largest_put_bytes = 5_000 * 1024**2
    gives_last_bytes = False
    to_delete = "the permission to delete blobs"

    def __init__(self, store: Store, name: str, *, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent, and no credential is looked up. `name` may be ``container@host``, as abfss has it.

        Raises:
            Misconfigured: no account is named, or the endpoint cannot be used.

        """
        variables = environment()
        self.name = name.partition("@")[0]
        self.account = account_of(store, variables)
        endpoint = endpoint_of(store, variables)
        check_endpoint(store, endpoint, example=_EXAMPLE)
        super().__init__(store, endpoint=endpoint, environment=environment, folder=folder)

    def __str__(self) -> str:
        """Which container it is and where, to be shown in errors."""
        return f"container {self.name!r} of account {self.account!r} at {self.endpoint}"

    @property
    def base(self) -> str:
        """The URL that requests begin with: at a bare address, which has room for no account, its name follows."""
        host = urlsplit(self.endpoint).netloc.rpartition(":")[0] or urlsplit(self.endpoint).netloc
        return f"{self.endpoint}/{self.account}" if _ADDRESS.fullmatch(host) else self.endpoint

    def judge(self, error: Exception) -> Refusal:
        """See ``azure_refusals``."""
        return judge(error, endpoint=self.endpoint)

    def _make(self, client_options: ClientConfig, retry_config: RetryConfig) -> AzureStore:
        from obstore.exceptions import BaseError
        from obstore.store import AzureStore

        # All that matters is said, since obstore reads what is not from this process's environment.
        config: AzureConfig = {
            "account_name": self.account,
            "endpoint": self.base,
            "skip_signature": False,
            "use_emulator": False,
            "use_fabric_endpoint": False,
        }
        login = find_login(self._store, self._environment, self._folder)
        try:
            return AzureStore(
                self.name,
                config={**config, **login},  # type: ignore[arg-type]
                client_options=client_options,
                retry_config=retry_config,
            )
        except (BaseError, OSError, ValueError):
            # Not with its words: they may quote what was given as a key.
            raise AuthRefused(
                "its credentials have not the form that they must have",
                where=str(self),
                hint="an account key is base64, a SAS token is sv=…&sig=…, as the portal shows them",
            ) from None


def account_of(store: Store, variables: Mapping[str, str]) -> str:
    """The name of the storage account that holds `store`.

    Raises:
        Misconfigured: neither the URL nor the file nor the environment names one.

    """
    host = urlsplit(store.url).hostname or "" if "@" in store.url else ""
    found = host.partition(".")[0] or store.account or first_of(ACCOUNT, variables)
    if found is None:
        hint = 'write account = "NAME", or set AZURE_STORAGE_ACCOUNT_NAME, or name it in the URL: '
        raise Misconfigured(
            "no storage account is named", where=store.url, hint=f"{hint}abfss://container@NAME.dfs.core.windows.net"
        )
    return found


def endpoint_of(store: Store, variables: Mapping[str, str]) -> str:
    """The base URL of the service that holds `store`.

    Raises:
        Misconfigured: it depends on the account, and none is named.

    """
    found = store.endpoint or first_of(ENDPOINT, variables)
    if found is not None:
        return found.rstrip("/")
    account, host = account_of(store, variables), urlsplit(store.url).hostname or ""
    # The same account has two doors; blobs are what landing needs.
    suffix = host.partition(".dfs.")[2] if "@" in store.url else ""
    return f"https://{account}.blob.{suffix or 'core.windows.net'}"


def first_of(names: tuple[str, ...], variables: Mapping[str, str]) -> str | None:
    """The value of the first of `names` that is set."""
    return next((variables[name] for name in names if variables.get(name)), None)


def find_login(store: Store, environment: Environment, folder: Path) -> dict[str, object]:
    """How to log in to `store`, as obstore's settings.

    In this order: the project file's references (a token, an account key, a SAS token); the environment's key or SAS
    token; a service principal (``AZURE_CLIENT_SECRET``); workload identity (``AZURE_FEDERATED_TOKEN_FILE``); the Azure
    CLI where ``AZURE_USE_AZURE_CLI`` is true; the machine's managed identity.

    Raises:
        AuthRefused: a reference leads nowhere.

    """
    variables = environment()
    secrets = EnvironmentSecrets(variables, folder=folder)
    for reference, key, kind in (
        (store.token, "token", "bearer_token"),
        (store.account_key, "account_key", "access_key"),
        (store.sas_token, "sas_key", "sas_token"),
    ):
        if reference is not None:
            return {key: secrets(reference).removeprefix("?"), "credential_type": kind}
    if (account_key := first_of(ACCOUNT_KEY, variables)) is not None:
        return {"account_key": account_key, "credential_type": "access_key"}
    if (sas_token := first_of(SAS_TOKEN, variables)) is not None:
        return {"sas_key": sas_token.removeprefix("?"), "credential_type": "sas_token"}
    return _identity(variables)


def _identity(variables: Mapping[str, str]) -> dict[str, object]:
    names = {
        "client_id": ("AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"),
        "tenant_id": ("AZURE_STORAGE_TENANT_ID", "AZURE_TENANT_ID"),
        "authority_host": ("AZURE_STORAGE_AUTHORITY_HOST", "AZURE_AUTHORITY_HOST"),
    }
    who: dict[str, object] = {
        key: value for key, each in names.items() if (value := first_of(each, variables)) is not None
    }
    client_secret = first_of(("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"), variables)
    if client_secret is not None:
        return {**who, "client_secret": client_secret, "credential_type": "client_secret"}
    if variables.get("AZURE_FEDERATED_TOKEN_FILE"):
        file = variables["AZURE_FEDERATED_TOKEN_FILE"]
        return {**who, "federated_token_file": file, "credential_type": "workload_identity"}
    if variables.get("AZURE_USE_AZURE_CLI", "").lower() in ("1", "true"):
        return {"use_azure_cli": True, "credential_type": "azure_cli"}
    given = first_of(("AZURE_MSI_ENDPOINT", "AZURE_IDENTITY_ENDPOINT", "IDENTITY_ENDPOINT"), variables)
    place = {} if given is None else {"msi_endpoint": given}
    return {**who, **place, "credential_type": "managed_identity"}
