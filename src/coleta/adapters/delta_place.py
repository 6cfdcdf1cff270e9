"""Where a stream's Delta table lies, and how delta-rs reaches it: by the same settings as all else in that store."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from coleta.adapters.azure_container import AzureContainer, find_login
from coleta.adapters.buckets import bucket_of
from coleta.adapters.cloud_bucket import CONNECT_TIMEOUT, Environment
from coleta.adapters.delta_table import DeltaRegister
from coleta.adapters.google_bucket import GoogleBucket
from coleta.adapters.google_bucket import find_login as find_google_login
from coleta.adapters.s3_bucket import HANDED_OUT, Bucket
from coleta.adapters.s3_credentials import find_keys
from coleta.errors import Misconfigured
from coleta.ports import ObjectStore
from coleta.stream import Store

RETRIES = 3
"""How often delta-rs sends one request again. Sent twice, a commit looks taken: then the table is looked at anew."""


_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")


def delta_in_folder(folder: Path, store: ObjectStore) -> DeltaRegister:
    """The table of the stream that lies in `folder`, which `store` reaches too.

    Raises:
        Misconfigured: deltalake is not installed, or cannot find its way to such a folder.

    """
    _check_installed()
    if _ESCAPE.search(str(folder)):
        raise Misconfigured(
            "deltalake takes % and two digits in a folder's name for another character, and would look elsewhere",
            where=str(folder),
            hint="give the folder another name, or leave table out",
        )
    return DeltaRegister(folder.absolute().as_uri(), store, options=dict, folder=folder)


def delta_in_bucket(
    place: Store, path: str, store: ObjectStore, *, environment: Environment, folder: Path
) -> DeltaRegister:
    """The table of the stream that lies at `path` in the bucket of `place`, which `store` reaches too.

    Raises:
        Misconfigured: deltalake is not installed, the endpoint cannot be used as the settings say, or the store is of
            a kind that no table has been tried in.

    """
    _check_installed()
    uri = f"{place.url.rstrip('/')}/{path}"
    match bucket_of(place, environment=environment, folder=folder) if _is_cloud(place) else (None, ""):
        case Bucket() as bucket, _:
            return DeltaRegister(uri, store, options=lambda: _s3_options(place, bucket, environment, folder))
        case AzureContainer() as container, _:
            return DeltaRegister(uri, store, options=lambda: _azure_options(place, container, environment, folder))
        case GoogleBucket() as google, _:
            _check_google(place)
            return DeltaRegister(uri, store, options=lambda: _google_options(place, google, environment, folder))
    raise Misconfigured(
        'table = "delta" needs a bucket or a folder on this machine: delta-rs reaches no other kind of store',
        where=place.url,
        hint="leave table out: the data objects are read without it",
    )


def _is_cloud(place: Store) -> bool:
    return place.url.startswith(("s3:", "az:", "abfss:", "gs:"))


def _check_installed() -> None:
    # Not imported: that takes a while, and whoever only collects does without.
    if find_spec("deltalake") is None:
        raise Misconfigured(
            'deltalake is not installed, and table = "delta" needs it', hint="pip install 'coleta[delta]'"
        )


def _common_options(place: Store, base: str) -> dict[str, str]:
    return {
        "allow_http": str(base.startswith("http:")).lower(),
        "timeout": f"{place.timeout.total_seconds():g}s",
        "connect_timeout": f"{CONNECT_TIMEOUT.total_seconds():g}s",
        "max_retries": str(RETRIES),
        "retry_timeout": f"{place.timeout.total_seconds():g}s",
    }


def _azure_options(
    place: Store, container: AzureContainer, environment: Environment, folder: Path
) -> Mapping[str, str]:
    login = find_login(place, environment, folder)
    login.pop("credential_type")  # obstore's own word; delta-rs takes what is there
    return {
        **_common_options(place, container.base),
        "azure_storage_account_name": container.account,
        "azure_storage_endpoint": container.base,
        "azure_skip_signature": "false",
        **{_AZURE.get(key, f"azure_{key}"): _word(value) for key, value in login.items()},
    }


_AZURE = {
    "account_key": "azure_storage_account_key",
    "sas_key": "azure_storage_sas_key",
    "token": "azure_storage_token",
    "use_azure_cli": "azure_use_azure_cli",
}
"""How delta-rs calls what obstore calls otherwise."""


def _check_google(place: Store) -> None:
    """Refuse what delta-rs cannot be told.

    Raises:
        Misconfigured: it cannot log in so, or this process's environment would come in between.

    """
    if place.token is not None:
        raise Misconfigured(
            'table = "delta" cannot be reached with a token: delta-rs takes none for Google',
            where=place.url,
            hint="write service_account in its place, or set GOOGLE_APPLICATION_CREDENTIALS",
        )
    for name in ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_SERVICE_ACCOUNT_KEY"):
        # With a key of ours beside it delta-rs refuses both, and else takes it before what Coleta looks for.
        if os.environ.get(name) and not (name.endswith("KEY") and place.service_account is not None):
            raise Misconfigured(
                f"delta-rs would log in with {name} of the environment, which Coleta does not read",
                where=place.url,
                hint="unset it, and set GOOGLE_APPLICATION_CREDENTIALS or write service_account",
            )


def _google_options(place: Store, bucket: GoogleBucket, environment: Environment, folder: Path) -> Mapping[str, str]:
    login = find_google_login(place, environment, folder)
    return {
        **_common_options(place, bucket.endpoint),
        "google_base_url": bucket.endpoint,
        "google_skip_signature": "false",
        **{f"google_{key}": str(value) for key, value in login.items()},
    }


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _s3_options(place: Store, bucket: Bucket, environment: Environment, folder: Path) -> Mapping[str, str]:
    # All that matters is said, since what is not is read from this process's environment.
    said: dict[str, str | None] = {
        **_common_options(place, bucket.base),
        "aws_endpoint": bucket.base,
        "aws_endpoint_url_s3": bucket.base,
        "aws_skip_signature": "false",
        "aws_region": bucket.region,
        "aws_virtual_hosted_style_request": str(not place.path_style).lower(),
        "aws_conditional_put": "etag",
        "aws_checksum_algorithm": "sha256",
        "aws_server_side_encryption": place.encryption,
        "aws_sse_kms_key_id": place.kms_key,
    }
    keys = find_keys(place, environment, folder)
    if keys is None:
        variables = environment()
        said |= {f"aws_{key}": variables.get(name) for name, key in HANDED_OUT.items()}
    else:
        said |= {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
            "aws_session_token": keys.token,
        }
    found = {key: value for key, value in said.items() if value}
    if keys is not None and keys.token is None and os.environ.get("AWS_SESSION_TOKEN"):
        # Else the token of other keys, which this process has in its environment, would be sent with ours.
        found["aws_session_token"] = ""
    return found
