"""The outside thing, a bucket of S3: where it is, and clients for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from coleta.adapters.cloud_bucket import CloudBucket, Environment, check_endpoint
from coleta.adapters.refusals import Refusal
from coleta.adapters.s3_credentials import find_keys
from coleta.adapters.s3_refusals import judge
from coleta.stream import Store

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential, S3Store

    from coleta.adapters.s3_credentials import Keys

DEFAULT_REGION = "us-east-1"

HANDED_OUT = {
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "container_authorization_token_file",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container_credentials_full_uri",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "container_credentials_relative_uri",
    "AWS_ROLE_ARN": "role_arn",
    "AWS_ROLE_SESSION_NAME": "role_session_name",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "web_identity_token_file",
}


class Bucket(CloudBucket):
    """A bucket that `store` names, reached as it and the environment say. Safe to use from several threads."""

    largest_put_bytes = 5 * 1024**3
    to_delete = "s3:DeleteObject"

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
        endpoint = endpoint_of(store, variables) or f"https://s3.{self.region}.amazonaws.com"
        allowed = variables.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")
        check_endpoint(store, endpoint, allow_http=allowed, example="https://minio.example.com:9000")
        super().__init__(store, endpoint=endpoint, environment=environment, folder=folder)

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

    def judge(self, error: Exception) -> Refusal:
        """See ``s3_refusals``."""
        return judge(error, endpoint=self.endpoint)

    def _make(self, client_options: ClientConfig, retry_config: RetryConfig) -> S3Store:
        from obstore.store import S3Store

        keys = find_keys(self._store, self._environment, self._folder)
        return S3Store(
            self.name,
            config=self._config(),
            client_options=client_options,
            retry_config=retry_config,
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
