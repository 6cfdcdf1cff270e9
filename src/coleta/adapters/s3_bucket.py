"""The outside thing, a bucket: where it is, and clients for it, made when they are first needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coleta.adapters.s3_credentials import Environment, find_keys
from coleta.errors import Misconfigured
from coleta.stream import Store

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential, S3Store

    from coleta.adapters.s3_credentials import Keys

DEFAULT_REGION = "us-east-1"

CONNECT_TIMEOUT = timedelta(seconds=5)

SLOWEST_BYTES_PER_S = 1_000_000
"""A request is given more time only for what travels at less than this pace: a poor line to a far region."""

_ENDPOINT = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", re.IGNORECASE)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
HANDED_OUT = {
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "container_authorization_token_file",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container_credentials_full_uri",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "container_credentials_relative_uri",
    "AWS_ROLE_ARN": "role_arn",
    "AWS_ROLE_SESSION_NAME": "role_session_name",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "web_identity_token_file",
}


class Bucket:
    """A bucket that `store` names, reached as it and the environment say. Safe to use from several threads."""

    def __init__(self, store: Store, name: str, *, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent, and no credential is looked up.

        Raises:
            Misconfigured: the endpoint would be spoken to in the clear, and nobody allowed that.

        """
        variables = environment()
        self.name = name
        self.region = (
            store.region or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        )
        self.endpoint = endpoint_of(store, variables) or f"https://s3.{self.region}.amazonaws.com"
        self._store = store
        self._environment = environment
        self._folder = folder
        self._clients: dict[tuple[timedelta, int], S3Store] = {}
        self._lock = Lock()
        if not _ENDPOINT.fullmatch(self.endpoint):
            # Not shown: somebody may have written credentials into it.
            raise Misconfigured(
                "the endpoint is no base URL", where=store.url, hint='write it such as "https://minio.example.com:9000"'
            )
        parts = urlsplit(self.endpoint)
        self._http = parts.scheme == "http"
        allowed = store.allow_http or variables.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")
        if self._http and not allowed and parts.hostname not in _LOOPBACK:
            raise Misconfigured(
                f"the endpoint {self.endpoint} is not https, so all that is landed could be read on its way",
                where=store.url,
                hint="use https, or write allow_http = true",
            )

    def __str__(self) -> str:
        """Which bucket it is and where, to be shown in errors."""
        return f"bucket {self.name!r} in region {self.region} at {self.endpoint}"

    @property
    def base(self) -> str:
        """The URL that requests begin with: the endpoint, or the bucket's own host there."""
        if self._store.path_style:
            return self.endpoint
        scheme, _, host = self.endpoint.partition("://")
        return f"{scheme}://{self.name}.{host}"

    def client(self, *, size_bytes: int = 0, retries: int = 0) -> S3Store:
        """A client whose requests have the time that `size_bytes` take, and are tried again `retries` times.

        Raises:
            AuthRefused: a reference to a credential leads nowhere.
            Misconfigured: the profile has no credentials.

        """
        time = self._time_for(size_bytes)
        with self._lock:
            client = self._clients.get((time, retries))
            if client is None:
                client = self._clients[time, retries] = self._make(time, retries)
            return client

    def forget_credentials(self) -> None:
        """Look credentials up anew at the next call: those in use were refused."""
        with self._lock:
            self._clients.clear()

    def allows(self, size_bytes: int) -> bool:
        """Whether `size_bytes` can travel in the time that a request has in any case."""
        return self._time_for(size_bytes) == self._store.timeout

    def _time_for(self, size_bytes: int) -> timedelta:
        # Doubled, so that there are few clients: each has connections of its own.
        time = self._store.timeout
        while time.total_seconds() * SLOWEST_BYTES_PER_S < size_bytes:
            time *= 2
        return time

    def _make(self, time: timedelta, retries: int) -> S3Store:
        from obstore.store import S3Store

        keys = find_keys(self._store, self._environment, self._folder)
        return S3Store(
            self.name,
            config=self._config(),
            client_options={"allow_http": self._http, "timeout": time, "connect_timeout": CONNECT_TIMEOUT},
            retry_config={"max_retries": retries, "retry_timeout": time},
            credential_provider=None if keys is None else _Provider(keys),
        )

    def _config(self) -> S3Config:
        store = self._store
        # All that matters is said, since obstore reads what is not from this process's environment.
        config: S3Config = {
            "endpoint": self.base,
            "aws_endpoint_url_s3": self.base,
            "region": self.region,
            "virtual_hosted_style_request": not store.path_style,
            "conditional_put": "etag",
            "checksum_algorithm": "SHA256",
            "skip_signature": False,
            "unsigned_payload": False,
        }
        if store.encryption is not None:
            config["server_side_encryption"] = store.encryption
        if store.kms_key is not None:
            config["sse_kms_key_id"] = store.kms_key
        variables = self._environment()
        handed_out = {key: variables[name] for name, key in HANDED_OUT.items() if variables.get(name)}
        return {**config, **handed_out}  # type: ignore[typeddict-item]


def endpoint_of(store: Store, variables: Mapping[str, str]) -> str | None:
    """The base URL of the service that holds `store`, or None where that is AWS itself."""
    found = store.endpoint or variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL")
    return found.rstrip("/") if found else None


class _Provider:
    """Hands `keys` to obstore, whatever AWS variables this process has beside them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self) -> S3Credential:
        keys = self._keys
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": None,
        }
