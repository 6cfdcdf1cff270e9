"""Where a stream's Delta table lies, and how delta-rs reaches it: by the same settings as all else in that store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from coleta.adapters.cloud_bucket import CONNECT_TIMEOUT, Environment
from coleta.adapters.delta_table import DeltaRegister
from coleta.adapters.s3_bucket import HANDED_OUT, Bucket
from coleta.adapters.s3_credentials import find_keys
from coleta.errors import Misconfigured
from coleta.ports import ObjectStore
from coleta.stream import Store

RETRIES = 3
"""How often delta-rs sends one request again. Sent twice, a commit looks taken: then the table is looked at anew."""


def delta_in_folder(folder: Path, store: ObjectStore) -> DeltaRegister:
    """The table of the stream that lies in `folder`, which `store` reaches too.

    Raises:
        Misconfigured: deltalake is not installed.

    """
    _check_installed()
    return DeltaRegister(str(folder), store, options=dict, folder=folder)


def delta_in_bucket(
    place: Store, path: str, store: ObjectStore, *, environment: Environment, folder: Path
) -> DeltaRegister:
    """The table of the stream that lies at `path` in the bucket of `place`, which `store` reaches too.

    Raises:
        Misconfigured: deltalake is not installed, the endpoint cannot be used as the settings say, or it is no S3.

    """
    _check_installed()
    if not place.url.startswith("s3:"):
        raise Misconfigured(
            'table = "delta" is not there for this kind of store yet',
            where=place.url,
            hint="leave table out: the data objects are read without it",
        )
    name = place.url.removeprefix("s3://").partition("/")[0]
    bucket = Bucket(place, name, environment=environment, folder=folder)

    def options() -> Mapping[str, str]:
        return _s3_options(place, bucket, environment, folder)

    return DeltaRegister(f"{place.url.rstrip('/')}/{path}", store, options=options)


def _check_installed() -> None:
    # Not imported: that takes a while, and whoever only collects does without.
    if find_spec("deltalake") is None:
        raise Misconfigured(
            'deltalake is not installed, and table = "delta" needs it', hint="pip install 'coleta[delta]'"
        )


def _s3_options(place: Store, bucket: Bucket, environment: Environment, folder: Path) -> Mapping[str, str]:
    # All that matters is said, since what is not is read from this process's environment.
    said = {
        "aws_endpoint": bucket.base,
        "aws_endpoint_url_s3": bucket.base,
        "aws_skip_signature": "false",
        "aws_region": bucket.region,
        "aws_virtual_hosted_style_request": str(not place.path_style).lower(),
        "allow_http": str(bucket.base.startswith("http:")).lower(),
        "aws_conditional_put": "etag",
        "aws_checksum_algorithm": "sha256",
        "timeout": f"{place.timeout.total_seconds():g}s",
        "max_retries": str(RETRIES),
        "retry_timeout": f"{place.timeout.total_seconds():g}s",
        "connect_timeout": f"{CONNECT_TIMEOUT.total_seconds():g}s",
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
