"""The S3 that tests land in: where it is, who may do what, and stores in prefixes of their own."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from coleta.adapters.housekeeping import CloudHousekeeping
from coleta.adapters.object_store import CloudStore
from coleta.adapters.s3_credentials import Keys
from coleta.adapters.s3_lifecycle import signed
from coleta.demo_api.seaweedfs import Login
from coleta.stream import Hidden, Store

LOGINS = (
    Login("COLETAADMIN", "canary-of-the-admin"),
    # What the page of the how-to asks for: no more than to get, put and list.
    Login("COLETALANDER", "canary-of-the-lander", ("Read:lake", "Write:lake", "List:lake")),
    Login("COLETAREADER", "canary-of-the-reader", ("Read:lake", "List:lake")),
)
ADMIN, LANDER, READER = LOGINS

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class S3Service:
    """A running S3 at ``endpoint``, which may be a proxy's address. ``variables`` come on top of a login's."""

    endpoint: str
    variables: dict[str, str] = field(default_factory=dict)

    def at(self, endpoint: str) -> S3Service:
        """The same service behind another address."""
        return replace(self, endpoint=endpoint)

    def environment(self, login: Login = ADMIN) -> dict[str, str]:
        """The variables with which `login` reaches this service."""
        return {
            "AWS_ACCESS_KEY_ID": login.access_key,
            "AWS_SECRET_ACCESS_KEY": login.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            **self.variables,
        }

    def url(self) -> str:
        """A place in the bucket that nothing lies in yet."""
        return f"s3://lake/test-{next(_numbers)}"

    def store(self, store: Store | None = None, *, login: Login = ADMIN, known: bool = False) -> CloudStore:
        """A store at `store`, or at a new place."""
        variables = self.environment(login)
        return CloudStore(store or Store(self.url()), environment=lambda: variables, folder=Path(), known=known)

    def lander(self, store: Store, *, known: bool = False) -> CloudStore:
        """A store at `store` for somebody who may get, put and list, and nothing else."""
        return self.store(store, login=LANDER, known=known)

    def with_housekeeping(self, *, login: Login = ADMIN) -> tuple[CloudStore, CloudHousekeeping]:
        """A store at a new place, and what can delete there."""
        place, variables = Store(self.url()), self.environment(login)
        keeping = CloudHousekeeping(place, environment=lambda: variables, folder=Path())
        return self.store(place), keeping

    @contextmanager
    def with_rules(self, rules: str) -> Iterator[None]:
        """Let the bucket have these lifecycle rules in a ``with`` block."""
        self._set_rules("PUT", rules.encode())
        try:
            yield
        finally:
            self._set_rules("DELETE", b"")

    def _set_rules(self, method: str, body: bytes) -> None:
        url, keys = f"{self.endpoint}/lake", Keys(ADMIN.access_key, ADMIN.secret_key)
        headers = signed(method, url, keys, region="us-east-1", now=datetime.now(UTC), body=body)
        sent = {name: value.value if isinstance(value, Hidden) else str(value) for name, value in headers}
        request = urllib.request.Request(f"{url}?lifecycle=", data=body or None, headers=sent, method=method)
        with urllib.request.urlopen(request, timeout=15):
            pass
