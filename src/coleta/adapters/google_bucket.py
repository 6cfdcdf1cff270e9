"""The outside thing, a bucket of Google Cloud Storage: where it is, and clients for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coleta.adapters.cloud_bucket import CloudBucket, Environment, check_endpoint
from coleta.adapters.google_refusals import judge
from coleta.adapters.refusals import Refusal
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.errors import AuthRefused
from coleta.stream import Store

if TYPE_CHECKING:
    from obstore import ObjectMeta, UpdateVersion
    from obstore.store import ClientConfig, GCSConfig, GCSStore, RetryConfig

GOOGLE = "https://storage.googleapis.com"

KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_OF_GCLOUD = (".config", "gcloud", "application_default_credentials.json")


class GoogleBucket(CloudBucket):
    """A bucket that `store` names, reached as it and the environment say."""

    # 5 TB is Google's own limit; an object is held in memory while it is put, so the limit of S3 is ours too.
    largest_put_bytes = 5 * 1024**3
    to_delete = "storage.objects.delete"

    def __init__(self, store: Store, name: str, *, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent, and no credential is looked up.

        Raises:
            Misconfigured: the endpoint cannot be used.

        """
        self.name = name
        endpoint = store.endpoint or GOOGLE
        check_endpoint(store, endpoint, example=GOOGLE)
        super().__init__(store, endpoint=endpoint, environment=environment, folder=folder)

    def __str__(self) -> str:
        """Which bucket it is and where, to be shown in errors."""
        return f"bucket {self.name!r} at {self.endpoint}"

    def judge(self, error: Exception) -> Refusal:
        """See ``google_refusals``."""
        return judge(error, endpoint=self.endpoint)

    def tag_of(self, meta: ObjectMeta) -> str | None:
        """The object's generation, which is what Google compares."""
        return meta["version"]

    def in_place_of(self, tag: str) -> UpdateVersion:
        """The condition that this generation still lies there."""
        return {"version": tag}

    def _make(self, client_options: ClientConfig, retry_config: RetryConfig) -> GCSStore:
        from obstore.exceptions import BaseError
        from obstore.store import GCSStore

        config: GCSConfig = {"base_url": self.endpoint, "skip_signature": False}
        login = find_login(self._store, self._environment, self._folder)
        try:
            return GCSStore(
                self.name,
                config={**config, **login},
                client_options=client_options,
                retry_config=retry_config,
            )
        except (BaseError, OSError, ValueError):
            # Not with its words: they may quote what was given as a key.
            raise AuthRefused(
                "its credentials have not the form that they must have",
                where=str(self),
                hint="the key of a service account, or what `gcloud auth application-default login` leaves",
            ) from None


def find_login(store: Store, environment: Environment, folder: Path) -> GCSConfig:
    """How to log in to `store`, as obstore's settings; empty where the machine's own identity is asked for.

    In this order: the project file's references (a token, a service account's key); the file that
    ``GOOGLE_APPLICATION_CREDENTIALS`` names; what gcloud left in the home folder; the metadata service of the machine.

    Raises:
        AuthRefused: a reference or ``GOOGLE_APPLICATION_CREDENTIALS`` leads nowhere.

    """
    variables = environment()
    secrets = EnvironmentSecrets(variables, folder=folder)
    if store.token is not None:
        return {"bearer_token": secrets(store.token)}
    if store.service_account is not None:
        return {"service_account_key": secrets(store.service_account)}
    if written := variables.get(KEY_FILE):
        file = folder / written
        if not file.is_file():
            raise AuthRefused(f"{KEY_FILE} names no file", where=str(file), hint="correct it, or unset it")
        return {"application_credentials": str(file)}
    home = variables.get("HOME")
    left = Path(home, *_OF_GCLOUD) if home else None
    return {"application_credentials": str(left)} if left is not None and left.is_file() else {}
