"""Taking objects away, in a folder and in a bucket. Only ``discard`` and upkeep hold one of these."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from coleta.adapters.buckets import bucket_of
from coleta.adapters.cloud_bucket import CloudBucket, Environment
from coleta.adapters.disk_calls import DISK, DiskCalls
from coleta.adapters.durable import meaning
from coleta.adapters.file_store import HOME, TEMPS, check_name
from coleta.adapters.refusals import Kind, Refusal
from coleta.errors import Misconfigured, StoreUnavailable
from coleta.stream import Store

_INSIDE = re.compile(r"DeleteObjects request failed .*\(code: (\w+)\)")

TRIES = 3
"""How often a delete is sent again: it may be, since what is gone stays gone."""


class FileHousekeeping:
    """Takes files out of the store in the folder `root`."""

    def __init__(self, root: Path, *, disk: DiskCalls = DISK) -> None:
        """Prepare; nothing is touched."""
        self._root = root.absolute()
        self._disk = disk

    def delete(self, name: str) -> None:
        """Remove the file of `name`, durably; see ``Housekeeping``."""
        path = self._path(name)
        try:
            with suppress(FileNotFoundError):
                self._disk.unlink(path)
            if path.parent.is_dir():
                self._disk.sync_folder(path.parent)
        except OSError as error:
            raise _unavailable(error, path) from None

    def replace(self, name: str, body: bytes) -> None:
        """Put `body` in the place of the file of `name`, durably; see ``Housekeeping``."""
        path = self._path(name)
        # Not beside it: what a crash leaves there would be a stranger among the data.
        temp = self._root / TEMPS / f".{os.getpid()}-{secrets.token_hex(8)}.tmp"
        try:
            fd = self._disk.create(temp, mode=0o666)
            try:
                self._disk.write(fd, body)
                self._disk.sync(fd)
            finally:
                self._disk.close(fd)
            self._disk.rename(temp, path)
            self._disk.sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                self._disk.unlink(temp)
            raise _unavailable(error, path) from None

    def _path(self, name: str) -> Path:
        check_name(name)
        if not (self._root / HOME).is_dir():
            raise StoreUnavailable(f"there is no store in this folder: it has no {HOME}", where=str(self._root))
        return self._root / name


def _unavailable(error: OSError, path: Path) -> StoreUnavailable:
    what, hint = meaning(error)
    return StoreUnavailable(what, where=str(path), hint=hint)


class CloudHousekeeping:
    """Takes objects out of the bucket of `store`."""

    def __init__(self, store: Store, *, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent."""
        self._bucket, self._beginning = bucket_of(store, environment=environment, folder=folder)
        self._attributes = {"Storage-Class": store.storage_class} if store.storage_class else None

    def delete(self, name: str) -> None:
        """Remove the object of `name`; see ``Housekeeping``.

        Raises:
            Misconfigured: the store does not allow it.

        """
        from obstore.exceptions import BaseError

        check_name(name)
        key = self._beginning + name
        where = f"{key} of {self._bucket}"
        try:
            self._bucket.client(size_bytes=0, retries=TRIES).delete(key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            refusal = _judged(error, self._bucket)
            if refusal.kind is Kind.ABSENT:
                return
            if refusal.kind is Kind.REFUSED:
                below = "the stream's _quarantine/, _archive/ and _superseded/"
                hint = f"deleting needs {self._bucket.to_delete} below {below}"
                raise Misconfigured(refusal.what, where=where, hint=hint) from None
            raise StoreUnavailable(refusal.what, where=where, hint=refusal.hint) from None

    def replace(self, name: str, body: bytes) -> None:
        """Put `body` in the place of the object of `name`; see ``Housekeeping``.

        Raises:
            Misconfigured: the store does not allow it.

        """
        check_name(name)
        key = self._beginning + name
        where = f"{key} of {self._bucket}"
        client = self._bucket.client(size_bytes=len(body), retries=TRIES)
        try:
            client.put(key, body, mode="overwrite", use_multipart=False, attributes=self._attributes)
        except Exception as error:  # noqa: BLE001  # obstore's errors have several unrelated bases
            refusal = _judged(error, self._bucket)
            kind = Misconfigured if refusal.kind is Kind.REFUSED else StoreUnavailable
            raise kind(refusal.what, where=where, hint=refusal.hint) from None


def _judged(error: Exception, bucket: CloudBucket) -> Refusal:
    # obstore deletes with the request for many objects, whose answer has a status for each in its body.
    if (inside := _INSIDE.search(str(error))) is not None:
        denied = inside[1] == "AccessDenied"
        return Refusal(Kind.REFUSED if denied else Kind.UNKNOWN, f"it does not delete it ({inside[1]})")
    return bucket.judge(error)
