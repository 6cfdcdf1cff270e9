"""The outside thing, a bucket of whatever cloud: what all kinds share, and which kind a URL asks for.

A kind says how its clients are made and what its errors mean. Here is what does not depend on that: clients are
made when they are first needed, kept, and forgotten when their credentials were refused.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coleta.adapters.refusals import Refusal
from coleta.errors import Misconfigured
from coleta.stream import Store

if TYPE_CHECKING:
    from obstore import ObjectMeta, UpdateVersion
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

    Client = S3Store | AzureStore | GCSStore

Environment = Callable[[], Mapping[str, str]]
"""The process's environment with what ``.env`` adds to it, as they are now."""

CONNECT_TIMEOUT = timedelta(seconds=5)

SLOWEST_BYTES_PER_S = 1_000_000
"""A request is given more time only for what travels at less than this pace: a poor line to a far region."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_ENDPOINT = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", re.IGNORECASE)


class CloudBucket(ABC):
    """A bucket that `store` names. Safe to use from several threads."""

    largest_put_bytes: int
    """What the service takes in one put. A create cannot be made of several parts."""
    gives_last_bytes: bool = True
    """Whether the end of an object can be asked for without knowing its size."""
    to_delete: str
    """What somebody must be allowed to, beside what landing needs, so that he can delete."""
    endpoint: str
    """The base URL of the service."""

    def __init__(self, store: Store, *, endpoint: str, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent, and no credential is looked up."""
        self.endpoint = endpoint
        self._store = store
        self._environment = environment
        self._folder = folder
        self._clients: dict[tuple[timedelta, int], Client] = {}
        self._lock = Lock()

    @abstractmethod
    def __str__(self) -> str:
        """Which bucket it is and where, to be shown in errors."""

    @abstractmethod
    def judge(self, error: Exception) -> Refusal:
        """What `error`, raised by a call of obstore that was tried once, means."""

    def tag_of(self, meta: ObjectMeta) -> str | None:
        """What names just this state of an object, so that ``in_place_of`` can ask for it."""
        return meta["e_tag"]

    def in_place_of(self, tag: str) -> UpdateVersion:
        """The condition that what has the `tag` still lies there."""
        return {"e_tag": tag}

    @abstractmethod
    def _make(self, client_options: ClientConfig, retry_config: RetryConfig) -> Client: ...

    def client(self, *, size_bytes: int = 0, retries: int = 0) -> Client:
        """A client whose requests have the time that `size_bytes` take, and are tried again `retries` times.

        Raises:
            AuthRefused: a reference to a credential leads nowhere.
            Misconfigured: what the environment names as credentials cannot be used.

        """
        time = self._time_for(size_bytes)
        with self._lock:
            client = self._clients.get((time, retries))
            if client is None:
                options: ClientConfig = {
                    "allow_http": urlsplit(self.endpoint).scheme == "http",
                    "timeout": time,
                    "connect_timeout": CONNECT_TIMEOUT,
                }
                client = self._make(options, {"max_retries": retries, "retry_timeout": time})
                self._clients[time, retries] = client
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


def check_endpoint(store: Store, endpoint: str, *, allow_http: bool = False, example: str) -> None:
    """Refuse an `endpoint`, from the file or the environment, that `store` should not be reached at.

    Raises:
        Misconfigured: it is no base URL, or would be spoken to in the clear, and nobody allowed that.

    """
    if not _ENDPOINT.fullmatch(endpoint):
        # Not shown: somebody may have written credentials into it.
        raise Misconfigured("the endpoint is no base URL", where=store.url, hint=f'write it such as "{example}"')
    parts = urlsplit(endpoint)
    if parts.scheme == "http" and not (allow_http or store.allow_http) and parts.hostname not in _LOOPBACK:
        raise Misconfigured(
            f"the endpoint {endpoint} is not https, so all that is landed could be read on its way",
            where=store.url,
            hint="use https, or write allow_http = true",
        )
