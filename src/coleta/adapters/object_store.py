"""A store in a bucket of S3, Azure or Google: create-only by the service's own condition on a put.

On S3 that is ``If-None-Match: *``, with a SHA-256 that the store itself checks; on Azure the same condition; on
Google ``x-goog-if-generation-match: 0``.

A put is sent once. obstore would send it again after a 500, and then our own success would look like
another's, so trying again is left to the caller, who reads the name first. Reads are tried again here,
since they change nothing.

It never deletes or overwrites an object: it sends PUT with that condition, GET and HEAD only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coleta.adapters.buckets import bucket_of
from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.file_store import check_body, check_name
from coleta.adapters.refusals import Kind, Refusal
from coleta.errors import AuthRefused, Doubtful, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists
from coleta.stream import Store

if TYPE_CHECKING:
    from coleta.adapters.cloud_bucket import Client

READ_TRIES = 3
"""How often a read is tried again: enough for a store that says "slow down" to half of all requests."""

LIST_CHUNK = 1_000


class CloudStore:
    """The objects of a bucket below a prefix. Safe to use from several threads and processes at once.

    Until the store has let us in once, a refusal is a mistake in the settings (``Misconfigured``,
    ``AuthRefused``). Later it is an outage (``StoreUnavailable``): credentials expire and are renewed,
    permissions are taken away and given back, and what is accepted waits meanwhile.
    """

    def __init__(self, store: Store, *, environment: Environment, folder: Path, known: bool = False) -> None:
        """Prepare; nothing is sent yet.

        `environment` gives the variables as they are now, and relative paths of secrets count from
        `folder`. `known` says that this store has let us in before.

        Raises:
            Misconfigured: the endpoint cannot be used as the settings say.

        """
        self._bucket, self._beginning = bucket_of(store, environment=environment, folder=folder)
        self.clock_url: str | None = f"{self._bucket.endpoint.rstrip('/')}/"
        """Where a request without credentials learns the store's time."""
        self._attributes = {"Storage-Class": store.storage_class} if store.storage_class else None
        self._let_in = known
        self._bare_tags = False

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """Store `body` under `name` unless something is there; see ``ObjectStore``.

        Raises:
            Doubtful: no clear answer came: a time-out, a cut connection, a 5xx or 409.
            StoreUnavailable: it was not stored.
            Misconfigured: it never let us in, or `body` is larger than one put can be.

        """
        check_name(name)
        check_body(name, body, sha256)
        if len(body) > self._bucket.largest_put_bytes:
            raise Misconfigured(
                f"an object of {len(body)} bytes is more than one put can carry",
                where=self._key(name),
                hint="land more often, or limit max_answer",
            )
        try:
            client = self._client(size_bytes=len(body))
            client.put(self._key(name), body, mode="create", use_multipart=False, attributes=self._attributes)
        except Exception as error:  # noqa: BLE001  # obstore's errors have several unrelated bases; see _judged
            refusal = self._judged(error)
            match refusal.kind:
                case Kind.TAKEN:
                    self._let_in = True
                    return Exists()
                case Kind.UNKNOWN:
                    raise Doubtful(
                        f"it may or may not be stored: {refusal.what}", where=self._where(name), hint=refusal.hint
                    ) from None
            raise self._trouble(refusal, name) from None
        self._let_in = True
        return Created()

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """The bytes under `name`, or only its `last` ones; None where nothing is; see ``ObjectStore``."""
        check_name(name)
        if last == 0:
            return None if self.size(name) is None else b""
        try:
            found = self._get(name, last)
        except Exception as error:  # noqa: BLE001  # as above
            refusal = self._judged(error)
            match refusal.kind:
                case Kind.ABSENT:
                    self._let_in = True
                    return None
                case Kind.EMPTY_RANGE if last is not None:
                    # No range fits an empty object, and that it is empty is worth a second look.
                    return self.read(name)
            raise self._trouble(refusal, name) from None
        self._let_in = True
        return found

    def size(self, name: str) -> int | None:
        """How many bytes lie under `name`; None where nothing is; see ``ObjectStore``."""
        check_name(name)
        try:
            meta = self._client(retries=READ_TRIES).head(self._key(name))
        except FileNotFoundError:
            # The answer to HEAD has no words: a missing bucket looks the same until something is read.
            if self.read(name, last=1) is None:
                return None
            raise StoreUnavailable("it came into being while it was looked at", where=self._where(name)) from None
        except Exception as error:  # noqa: BLE001  # as above
            raise self._trouble(self._judged(error), name) from None
        self._require_etag(meta["e_tag"], name)
        return int(meta["size"])

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins with `prefix`, in order of code points; see ``ObjectStore``."""
        if prefix.startswith("/") or ".." in prefix.split("/"):
            raise ValueError(f"not a prefix of names: {prefix!r}")
        # obstore lists whole folders only; what else begins otherwise is left out here.
        folder = self._beginning + prefix.rpartition("/")[0]
        try:
            listing = self._client(retries=READ_TRIES).list(folder or None, chunk_size=LIST_CHUNK)
            keys = [meta["path"] for chunk in listing for meta in chunk]
        except Exception as error:  # noqa: BLE001  # as above
            raise self._trouble(self._judged(error), prefix) from None
        self._let_in = True
        names = (key.removeprefix(self._beginning) for key in keys)
        # Not every store lists in order, so the whole is sorted: some hundred bytes a name.
        yield from sorted(name for name in names if name.startswith(prefix))

    def tagged(self, name: str) -> tuple[bytes, str] | None:
        """The bytes under `name` and their ETag; None where nothing is; errors as for ``read``."""
        check_name(name)
        try:
            found = self._client(retries=READ_TRIES).get(self._key(name))
        except Exception as error:  # noqa: BLE001  # as above
            refusal = self._judged(error)
            if refusal.kind is Kind.ABSENT:
                return None
            raise self._trouble(refusal, name) from None
        self._require_etag(found.meta["e_tag"], name)
        return bytes(found.bytes()), str(self._bucket.tag_of(found.meta))

    def replace(self, name: str, body: bytes, tag: str | None) -> bool:
        """Put `body` in the place of what has the ETag `tag`, or where nothing is; see ``Cell``."""
        check_name(name)
        if tag is None:
            return self._put_in_place(name, body, None)
        bare = tag.strip('"')
        if self._put_in_place(name, body, bare if self._bare_tags else tag):
            return True
        if self._bare_tags or bare == tag or (self.tagged(name) or (b"", ""))[1] != tag:
            return False
        # Just that lies there, and yet it was refused: Ceph compares the tag with its quotes to one without.
        self._bare_tags = self._put_in_place(name, body, bare)
        return self._bare_tags

    def _put_in_place(self, name: str, body: bytes, tag: str | None) -> bool:
        mode: Any = "create" if tag is None else self._bucket.in_place_of(tag)
        try:
            self._client(size_bytes=len(body)).put(self._key(name), body, mode=mode, use_multipart=False)
        except Exception as error:  # noqa: BLE001  # as above
            refusal = self._judged(error)
            match refusal.kind:
                case Kind.TAKEN | Kind.ABSENT:
                    return False
                case Kind.UNKNOWN:
                    raise Doubtful(
                        f"it may or may not be replaced: {refusal.what}", where=self._where(name), hint=refusal.hint
                    ) from None
            raise self._trouble(refusal, name) from None
        return True

    def _get(self, name: str, last: int | None) -> bytes:
        key = self._key(name)
        options: Any = {} if last is None else {"range": self._end_of(key, last)}
        found = self._client(retries=READ_TRIES).get(key, options=options)
        self._require_etag(found.meta["e_tag"], name)
        start, end = found.range
        if not self._bucket.allows(end - start):
            found = self._client(size_bytes=end - start, retries=READ_TRIES).get(key, options=options)
        return bytes(found.bytes())

    def _end_of(self, key: str, last: int) -> Any:  # noqa: ANN401  # obstore's own forms of a range
        if self._bucket.gives_last_bytes:
            return {"suffix": last}
        # Not by HEAD: its answer has no words, and so does not say what is missing, the object or the bucket.
        size = self._client(retries=READ_TRIES).get(key, options={"range": (0, 1)}).meta["size"]
        return (max(0, size - last), size)

    def _client(self, *, size_bytes: int = 0, retries: int = 0) -> Client:
        try:
            return self._bucket.client(size_bytes=size_bytes, retries=retries)
        except Misconfigured as error:
            if not self._let_in:
                raise
            # Somebody is changing the credentials at this moment: what waits can wait for that.
            raise StoreUnavailable(error.what, where=error.where or str(self._bucket), hint=error.hint) from None

    def _require_etag(self, etag: str | None, name: str) -> None:
        if not etag:
            what = "its answer has no ETag, so it is not an object store's"
            raise StoreUnavailable(what, where=self._where(name), hint="is the endpoint right, or a proxy in between?")

    def _judged(self, error: Exception) -> Refusal:
        from obstore.exceptions import BaseError

        # obstore raises its own errors, FileNotFoundError and a few built-in ones; a bug is none of them.
        if isinstance(error, BaseError | OSError):
            return self._bucket.judge(error)
        raise error

    def _trouble(self, refusal: Refusal, name: str) -> StoreUnavailable | Misconfigured:
        if refusal.credentials:
            self._bucket.forget_credentials()
        where = self._where(name)
        if refusal.kind is Kind.REFUSED and not self._let_in:
            kind = AuthRefused if refusal.credentials else Misconfigured
            return kind(refusal.what, where=where, hint=refusal.hint)
        return StoreUnavailable(refusal.what, where=where, hint=refusal.hint)

    def _key(self, name: str) -> str:
        return self._beginning + name

    def _where(self, name: str) -> str:
        return f"{self._key(name)} of {self._bucket}"
