"""What the project file says of one stream, as values that every stage can read.

Nothing here knows TOML, files or the environment; ``settings`` makes these values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from coleta.paging import Paging, SinglePage
from coleta.terms import Terms

Archive = Literal["none", "landed", "first"]
Redirects = Literal["refuse", "same_origin"]
CatchUp = Literal["all", "latest", "none"]
TableKind = Literal["delta", "iceberg"]
IfDoubted = Literal["accept", "warn", "retry", "reject"]
Encryption = Literal["AES256", "aws:kms"]


@dataclass(frozen=True, slots=True)
class Every:
    """A tick at each multiple of ``interval`` since 1970-01-01T00:00:00Z."""

    interval: timedelta

    def to_json(self) -> dict[str, object]:
        """As it stands in records."""
        return {"every_s": self.interval.total_seconds()}


@dataclass(frozen=True, slots=True)
class Cron:
    """A tick at each nominal local instant that ``expression`` names in ``zone`` (an IANA name)."""

    expression: str
    zone: str = "UTC"

    def to_json(self) -> dict[str, object]:
        """As it stands in records."""
        return {"cron": self.expression, "zone": self.zone}


Schedule = Every | Cron


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is to be found (``env:NAME``, ``file:PATH``); never the secret itself."""

    reference: str


@dataclass(frozen=True, slots=True, repr=False)
class Hidden:
    """A secret's own value, on its way to the wire; no message and no log shows it."""

    value: str

    def __repr__(self) -> str:
        """Nothing of the value."""
        return "***"


@dataclass(frozen=True, slots=True)
class Auth:
    """Where a stream's requests get the token from that they send (OAuth 2.0, RFC 6749).

    With ``refresh_token`` that grant is used, and else the client's own credentials. ``style`` says where the client's
    id and secret stand in the request: in its header (``basic``), or in its form (``body``).
    """

    name: str
    token_url: str
    client_id: str | SecretRef
    client_secret: SecretRef | None = None
    refresh_token: SecretRef | None = None
    scope: str | None = None
    audience: str | None = None
    style: Literal["basic", "body"] = "basic"
    allow_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class JsonBody:
    """A request's body: a JSON object whose texts may be placeholders, and whose values may be secrets.

    Texts of the members named in ``literal`` are sent as they are. No message shows any of it.
    """

    value: dict[str, object]
    literal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class FormBody:
    """A request's body in the form that browsers send (``a=1&b=2``); no message shows it."""

    fields: tuple[tuple[str, str | SecretRef], ...]


Body = JsonBody | FormBody


@dataclass(frozen=True, slots=True)
class Source:
    """Where a stream's records come from, and how patiently they are asked for."""

    url: str
    method: Literal["GET", "HEAD", "POST"] = "GET"
    params: tuple[tuple[str, str | SecretRef], ...] = ()
    headers: tuple[tuple[str, str | SecretRef], ...] = ()
    body: Body | None = None
    auth: Auth | None = None
    paging: Paging = field(default_factory=SinglePage)
    timeout: timedelta = timedelta(seconds=30)
    """The most that one request may take, from the first byte sent to the last received."""
    deadline: timedelta = timedelta(seconds=60)
    """The most that one tick may take, with all its pages and retries."""
    max_answer_bytes: int = 2_000_000_000
    """The most that one answer may hold, decoded; beyond it the tick is a gap(too_large)."""
    error_at: tuple[str, ...] = ()
    """Where a page tells of an error: if something stands there, the page is not the data, whatever else it holds."""
    allow_empty_body: bool = False
    """Whether a 204, or a body of no bytes, is an answer without records."""
    retry_unsafe: bool = False
    """Whether a request that is not GET or HEAD may be sent again."""
    verify_tls: bool = True
    redirects: Redirects = "refuse"
    """Whether a redirect is followed, and then only to the same scheme, host and port."""
    conditional: bool = False
    """Whether it is asked only for what is new, so that a 304 is an answer; such a stream carries state."""
    allow_addresses: tuple[str, ...] = ()
    """Networks, such as ``10.0.0.0/8``, that the URL's host may lead to though they are private."""
    cursor_start: int | str | None = None
    """What ``{cursor}`` stands for until an answer has given a cursor value; None: what names it is left out."""
    lag: int | timedelta = 0
    """How far behind the cursor is asked again, in the cursor's own measure: whole numbers, or a time."""


@dataclass(frozen=True, slots=True)
class Landing:
    """When waiting answers are closed into a data object. Names and correctness do not depend on it."""

    every: timedelta = timedelta(0)
    """The age of the oldest waiting answer at which a batch is closed."""
    max_bytes: int = 256_000_000
    """The size of the waiting answers, as received, at which a batch is closed early."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What makes an answer that is the data by its shape look wrong, and what is done then. The default: nothing.

    ``accept`` takes it, ``warn`` too and says so, ``retry`` asks again until the deadline and then rejects it with
    its bytes kept, ``reject`` does so at once. No part of the terms: decoding does not depend on it.
    """

    min_rows: int | None = None
    on_few: IfDoubted = "retry"
    """What is done with fewer records than ``min_rows``."""
    on_empty: IfDoubted = "accept"
    """What is done with an answer without records."""
    on_same: IfDoubted = "accept"
    """What is done with the very bytes of the answer before."""


@dataclass(frozen=True, slots=True)
class Store:
    """A place for data objects, and how it is reached. What is None is left to the environment, or to the store.

    Only ``url`` means something for a folder (``file://``).
    """

    url: str
    region: str | None = None
    account: str | None = None
    """The storage account of an Azure container."""
    endpoint: str | None = None
    """The base URL of the service; None for the cloud itself."""
    path_style: bool = True
    """Whether the bucket stands in the path of a request's URL, or else before its host."""
    allow_http: bool = False
    """Whether an endpoint on another machine may be spoken to without TLS."""
    encryption: Encryption | None = None
    kms_key: str | None = None
    storage_class: str | None = None
    access_key: SecretRef | None = None
    secret_key: SecretRef | None = None
    session_token: SecretRef | None = None
    account_key: SecretRef | None = None
    sas_token: SecretRef | None = None
    service_account: SecretRef | None = None
    """The key of a Google service account, as JSON."""
    token: SecretRef | None = None
    """A bearer token."""
    user: str | None = None
    password: SecretRef | None = None
    private_key: SecretRef | None = None
    known_hosts: str | None = None
    """The file of SSH host keys that are trusted; None: the user's own."""
    exclusive: bool = False
    """Whether somebody promises that no other machine or process lands there at the same time."""
    options: tuple[tuple[str, str | float | bool | SecretRef], ...] = ()
    """What the filesystem of fsspec is made with."""
    catalog: str | SecretRef | None = None
    """The URL of what knows its Iceberg tables, a database or a REST catalog; None: a file in the store's folder."""
    catalog_token: SecretRef | None = None
    catalog_credential: SecretRef | None = None
    """What a REST catalog gives tokens for, as ``client_id:client_secret``."""
    catalog_auth_url: str | None = None
    catalog_scope: str | None = None
    catalog_warehouse: str | None = None
    namespace: str | None = None
    """Under which its Iceberg tables are known there; None: the project's name."""
    timeout: timedelta = timedelta(seconds=30)
    """The most that one request may take, with as many bytes as travel in that time at a slow pace."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what lies in the store is kept; None: for ever. Counted from the commit that named it."""

    archive: timedelta | None = None
    quarantine: timedelta | None = None
    superseded: timedelta | None = None
    """Counted from when the answer came, since no commit names it."""
    data: timedelta | None = None
    """How long rows are kept; the records of their commits stay."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One named series of records from one API endpoint, landed under one path."""

    name: str
    project: str
    store: str
    """The URL of the store, such as ``file:///srv/lake``."""
    path: str
    """Where in the store the stream lies; keys of the layout come below it."""
    source: Source
    schedule: Schedule
    terms: Terms
    catch_up: CatchUp = "latest"
    delay: timedelta = timedelta(0)
    """How long after its end a tick is asked at the earliest."""
    landing: Landing = field(default_factory=Landing)
    archive: Archive = "none"
    """Whether answers are copied to the store: not at all, before they are landed, or before they are accepted."""
    checks: Checks = Checks()
    lease: bool = False
    """Whether of several collectors one asks and the others wait. It spares requests; nothing rests on it."""
    table: TableKind | None = None
    """Which kind of table is kept over the data objects; None: none."""
    retention: Retention = Retention()
    budget: float = 0.1
    """The share of an answer's records that may break the contract before `run` exits with 65."""
    was: str | None = None
    """The name under which its log began, where a person has renamed it since."""

    @property
    def log_name(self) -> str:
        """Its name in the log, in spool files and on this machine's disk, which never changes."""
        return self.was or self.name
