"""``S3Client``: the tutorial's client, with its names and shapes, over obstore.

For objects of the user's own: its upload overwrites, as the tutorial's does. Coleta lands nothing
through it; ``APICollector`` takes from it which bucket to land in, and with which credentials.
Errors are raised, not printed, and nothing is logged.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, TypedDict

from coleta.adapters.s3_bucket import Bucket
from coleta.errors import AuthRefused, Misconfigured, StoreUnavailable
from coleta.settings import load_environment
from coleta.stream import Store

if TYPE_CHECKING:
    from coleta.adapters.cloud_bucket import Client

DEFAULT_REGION = "us-west-1"
"""The tutorial's. A project file has no such default: there the region is asked for."""

TRIES = 3
"""How often a request is tried again. An upload may be too: it overwrites, so twice is once."""

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class Listed(TypedDict):
    """One object of a listing, with boto3's names."""

    Key: str
    Size: int
    LastModified: datetime
    ETag: str | None


class Uploaded(TypedDict):
    """What the store said of an upload, with boto3's name."""

    ETag: str | None


class Downloaded(TypedDict):
    """An object's bytes: ``["Body"].read()``, as with boto3."""

    Body: BytesIO
    ContentLength: int


class S3Client:
    """A bucket, as the environment or a ``.env`` file says. Safe to use from several threads.

    Read are ``S3_BUCKET_NAME``; ``AWS_REGION`` (else ``us-west-1``); ``AWS_ACCESS_KEY_ID`` and
    ``AWS_SECRET_ACCESS_KEY``, or without both the default chain: the shared credentials file, web identity,
    container and machine; ``AWS_ENDPOINT_URL`` for a store that is not Amazon's; and, only when Delta is
    asked for, ``DELTA_LAKE_S3_PATH``. The real environment wins over ``.env``.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, *, folder: str | os.PathLike[str] = ".") -> None:
        """Read the variables from `environment`, this process's by default, and from ``.env`` in `folder`.

        Raises:
            Misconfigured: a variable is missing; the message names it. Or ``.env`` cannot be read.

        """
        root = Path(folder).absolute()
        self._variables = load_environment(root, os.environ if environment is None else environment)
        self._bucket_name = self._required("S3_BUCKET_NAME")
        given = [name for name in _KEYS if self._variables.get(name)]
        if len(given) == 1:
            (missing,) = set(_KEYS) - set(given)
            raise Misconfigured(f"{given[0]} is set and {missing} is not", hint=_hint(missing))
        self._region = self._variables.get("AWS_REGION") or self._variables.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        store = Store(self.url, region=self._region)
        self._bucket = Bucket(store, self._bucket_name, environment=lambda: self._variables, folder=root)

    def __repr__(self) -> str:
        """The bucket and where it is; no credential."""
        return f"S3Client({self._bucket})"

    @property
    def bucket_name(self) -> str:
        """The bucket's name."""
        return self._bucket_name

    @property
    def region(self) -> str:
        """The region that requests are signed for."""
        return self._region

    @property
    def url(self) -> str:
        """The bucket as a project file names it: ``s3://bucket``."""
        return f"s3://{self._bucket_name}"

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment with what ``.env`` adds to it. Holds secrets: for handing on, not for showing."""
        return self._variables

    @property
    def delta_lake_s3_path(self) -> str:
        """Where the Delta table is to lie.

        Raises:
            Misconfigured: ``DELTA_LAKE_S3_PATH`` is missing.

        """
        return self._required("DELTA_LAKE_S3_PATH")

    def upload_file(self, data: bytes | bytearray | memoryview | IO[bytes], s3_key: str) -> Uploaded:
        """Store `data`, bytes or a binary file (a ``BytesIO`` whole, wherever it was read to), under `s3_key`.

        What is there is replaced.

        Raises:
            StoreUnavailable, AuthRefused, Misconfigured: it was not stored, or nobody knows.
            ValueError: the key is not plain: empty, or with empty, ``.`` or ``..`` parts between its slashes.

        """
        body = data.getvalue() if isinstance(data, BytesIO) else data if not hasattr(data, "read") else data.read()
        _check(s3_key)
        try:
            done = self._client(size_bytes=len(body)).put(s3_key, bytes(body))
        except Exception as error:  # noqa: BLE001  # obstore's errors have several unrelated bases; see _raise
            self._raise(error, s3_key)
        return {"ETag": done["e_tag"]}

    def download_file(self, s3_key: str) -> Downloaded:
        """The object under `s3_key`: ``["Body"].read()`` gives its bytes.

        Raises:
            FileNotFoundError: nothing lies there.
            ValueError: the key is not plain.
            StoreUnavailable, AuthRefused, Misconfigured: it could not be read.

        """
        _check(s3_key)
        try:
            body = bytes(self._client().get(s3_key).bytes())
        except Exception as error:  # noqa: BLE001  # as above
            self._raise(error, s3_key)
        return {"Body": BytesIO(body), "ContentLength": len(body)}

    def list_object(self, prefix: str = "") -> list[Listed]:
        """Every object whose key begins with `prefix`, in order, however many there are; ``[]`` for none.

        Raises:
            StoreUnavailable, AuthRefused, Misconfigured: the listing could not be completed.

        """
        folder = prefix.rpartition("/")[0]  # obstore lists whole folders; the rest is left out here
        try:
            found = [meta for chunk in self._client().list(folder or None) for meta in chunk]
        except Exception as error:  # noqa: BLE001  # as above
            self._raise(error, prefix)
        listed: list[Listed] = [
            {"Key": one["path"], "Size": one["size"], "LastModified": one["last_modified"], "ETag": one["e_tag"]}
            for one in found
            if one["path"].startswith(prefix)
        ]
        return sorted(listed, key=lambda one: one["Key"])

    def _client(self, *, size_bytes: int = 0) -> Client:
        return self._bucket.client(size_bytes=size_bytes, retries=TRIES)

    def _required(self, name: str) -> str:
        value = self._variables.get(name)
        if not value:
            raise Misconfigured(f"the environment variable {name} is missing", hint=_hint(name))
        return value

    def _raise(self, error: Exception, key: str) -> NoReturn:
        from obstore.exceptions import BaseError

        from coleta.adapters.refusals import Kind

        if not isinstance(error, BaseError | OSError):
            raise error
        where = f"{key} of {self._bucket}" if key else str(self._bucket)
        refusal = self._bucket.judge(error)
        if refusal.credentials:
            self._bucket.forget_credentials()
        match refusal.kind:
            case Kind.ABSENT:
                raise FileNotFoundError(f"nothing lies at {where}") from None
            case Kind.REFUSED:
                kind = AuthRefused if refusal.credentials else Misconfigured
                raise kind(refusal.what, where=where, hint=refusal.hint) from None
        raise StoreUnavailable(refusal.what, where=where, hint=refusal.hint) from None


def _check(key: str) -> None:
    # obstore would store "/a" and "a/" as "a", and then nobody finds them under their names.
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"not a plain key: {key!r}; write names with single / between them")


def _hint(name: str) -> str:
    return f"set it, or write {name}=… into a file .env beside your program"
