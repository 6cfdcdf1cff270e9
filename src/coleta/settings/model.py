"""Settings, the shape of ``coleta.toml``: its tables, their keys, and what each value must be alone.

Each class is one table of the file and each field one key. What one value means for another (a key
that is no field of the contract, two streams in one place) is looked at in ``project``. Fields that
the file must have may be None here, so that a mistake in one hides none in the others.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    WithJsonSchema,
)

from coleta.paging import MOST_PAGES
from coleta.settings.addresses import check_catalog, check_endpoint, check_path, check_url
from coleta.settings.mistakes import Keys
from coleta.settings.retention import check_window, check_zone
from coleta.settings.values import (
    LAG,
    WINDOW,
    Command,
    Duration,
    First,
    Headers,
    KeptFor,
    Names,
    Networks,
    Param,
    Positive,
    Reference,
    Selection,
    Size,
    Text,
    header_name,
    header_value,
    one_sign,
    project_name,
    stream_name,
    written_lag,
)
from coleta.stream import IfDoubted, TableKind


class _Table(BaseModel):
    """A table that knows its keys, and takes no value for what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SpoolTable(_Table):
    """``[spool]``: the local folder where accepted answers wait to be landed."""

    path: str = ".coleta"
    # 10 GB holds 50 purchases (about 15 kB) a second for a week: longer than a store is ever away.
    quota: Size = 10 * 10**9
    allow_tmpfs: bool = False


class StoreTable(_Table):
    """``[store.NAME]``: a place where data objects are landed."""

    url: str | None = None

    region: Text | None = None
    account: Text | None = None
    endpoint: Annotated[str, AfterValidator(check_endpoint)] | None = None
    path_style: bool = True
    allow_http: bool = False
    sse: Literal["AES256", "aws:kms"] | None = None
    kms_key: Text | None = None
    storage_class: Text | None = None
    access_key: Reference | None = None
    secret_key: Reference | None = None
    session_token: Reference | None = None
    account_key: Reference | None = None
    sas_token: Reference | None = None
    service_account: Reference | None = None
    token: Reference | None = None
    user: Text | None = None
    password: Reference | None = None
    private_key: Reference | None = None
    known_hosts: Text | None = None
    exclusive: bool = False
    options: dict[str, StrictStr | StrictBool | StrictInt | StrictFloat] = {}
    catalog: Annotated[str, AfterValidator(check_catalog)] | None = None
    catalog_token: Reference | None = None
    catalog_credential: Reference | None = None
    catalog_auth_url: Annotated[str, AfterValidator(check_url)] | None = None
    catalog_scope: Text | None = None
    catalog_warehouse: Text | None = None
    namespace: Annotated[str, AfterValidator(project_name)] | None = None
    timeout: Positive = timedelta(seconds=30)


class AlertsTable(_Table):
    """``[alerts]``: how a person is told of trouble."""

    command: Command | None = None


class AuthTable(_Table):
    """``[auth.NAME]``: where streams get the token that they send (OAuth 2.0)."""

    token_url: Annotated[str, AfterValidator(check_url)] | None = None
    client_id: Annotated[str, Field(min_length=1), AfterValidator(header_value)] | None = None
    client_secret: Reference | None = None
    refresh_token: Reference | None = None
    scope: Text | None = None
    audience: Text | None = None
    style: Literal["basic", "body"] = "basic"
    allow_addresses: Networks = ()


class LandTable(_Table):
    """``land``: when waiting answers are closed into one data object."""

    every: Duration = timedelta(0)
    max_bytes: Size = 256 * 10**6


class GraphqlTable(_Table):
    """``graphql``: a query, sent as GraphQL over HTTP has it."""

    query: Text
    variables: dict[str, object] = {}


class PagesTable(_Table):
    """``pages``: how the next page of an answer is asked for."""

    kind: Literal["page_number", "offset", "cursor", "header_cursor", "next_link", "link_header"]
    param: Text | None = None
    first: First | None = None
    size_param: Text | None = None
    size: Annotated[int, Field(ge=1)] | None = None
    next: Selection = ()
    header: Annotated[str, AfterValidator(header_name)] | None = None
    rel: Text | None = None
    total: Selection = ()
    total_pages: Selection = ()
    has_more: Selection = ()
    stop_after_empty_page: bool | None = None
    max_pages: Annotated[int, Field(ge=1)] = MOST_PAGES
    into: Literal["query", "body"] = "query"
    concurrency: Annotated[int, Field(ge=1, le=8)] = 1


class ApiTable(_Table):
    """``[api.NAME]``: what the streams of one API share."""

    url: Annotated[str, AfterValidator(check_url)] | None = None
    params: dict[str, Param] = {}
    headers: Headers = {}
    auth: str | None = None
    pages: PagesTable | None = None
    verify_tls: bool = True
    redirects: Literal["refuse", "same_origin"] = "refuse"
    allow_addresses: Networks = ()
    timeout: Positive | None = None
    deadline: Positive | None = None
    retry_unsafe: bool = False


class ChecksTable(_Table):
    """``checks``: what makes a whole answer look wrong, and what is done then."""

    min_rows: Annotated[int, Field(ge=1)] | None = None
    on_few: IfDoubted = "retry"
    on_empty: IfDoubted = "accept"
    on_same: IfDoubted = "accept"


class RetentionTable(_Table):
    """``[retention]``, ``retention``: how long what is no row of the table is kept, before upkeep deletes it."""

    archive: KeptFor | None = None
    quarantine: KeptFor | None = None
    superseded: KeptFor | None = None
    data: KeptFor | None = None


class MaintenanceTable(_Table):
    """``[maintenance]``: when ``coleta up`` does upkeep."""

    window: Annotated[str, AfterValidator(check_window), WithJsonSchema(WINDOW)] | None = None
    zone: Annotated[str, AfterValidator(check_zone)] = "UTC"


class StreamTable(_Table):
    """``[stream.NAME]``: one series of records from one API endpoint."""

    store: str | None = None
    path: Annotated[str, AfterValidator(check_path)] | None = None
    was: Annotated[str, AfterValidator(stream_name)] | None = None

    api: str | None = None
    endpoint: Text | None = None
    url: Annotated[str, AfterValidator(check_url)] | None = None
    method: Literal["GET", "HEAD", "POST"] = "GET"
    params: dict[str, Param] = {}
    body: dict[str, object] = {}
    form: dict[str, Param] = {}
    graphql: GraphqlTable | None = None
    headers: Headers = {}
    auth: str | None = None
    pages: PagesTable | None = None
    verify_tls: bool = True
    redirects: Literal["refuse", "same_origin"] = "refuse"
    allow_addresses: Networks = ()
    conditional: bool = False

    every: Positive | None = None
    cron: str | None = None
    zone: str | None = None
    delay: Duration = timedelta(0)
    catch_up: Literal["all", "latest", "none"] | None = None

    timeout: Positive | None = None
    deadline: Positive | None = None
    max_answer: Size = 2 * 10**9
    allow_empty: bool = False
    error_at: Selection = ()
    retry_unsafe: bool = False

    contract: dict[str, object] | None = None
    expect: Literal["array", "object"] | None = None
    records: Selection = ()
    format: Literal["json", "ndjson", "csv"] = "json"
    delimiter: Annotated[str, AfterValidator(one_sign)] | None = None
    columns: Names = ()
    on_violation: Literal["quarantine", "null", "reject"] = "quarantine"
    unknown: Literal["drop", "keep", "reject"] = "drop"
    key: Names = ()
    cursor: str | None = None
    cursor_start: Annotated[str, Field(min_length=1)] | int | None = None
    lag: Annotated[str | int, BeforeValidator(written_lag), WithJsonSchema(LAG)] | None = None
    budget: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1

    archive: Literal["none", "landed", "first"] = "none"
    lease: bool = False
    table: TableKind | None = None

    checks: ChecksTable = ChecksTable()
    land: LandTable = LandTable()
    retention: RetentionTable = RetentionTable()


class FileTable(_Table):
    """The whole file."""

    version: Literal[1]
    project: Annotated[str, AfterValidator(project_name)] | None = None
    spool: SpoolTable = SpoolTable()
    retention: RetentionTable = RetentionTable()
    maintenance: MaintenanceTable = MaintenanceTable()
    store: dict[str, StoreTable] = {}
    auth: dict[str, AuthTable] = {}
    api: dict[str, ApiTable] = {}
    alerts: AlertsTable = AlertsTable()
    stream: dict[str, StreamTable] = {}


TABLES: dict[Keys, type[BaseModel]] = {
    (): FileTable,
    ("spool",): SpoolTable,
    ("retention",): RetentionTable,
    ("maintenance",): MaintenanceTable,
    ("store", "NAME"): StoreTable,
    ("auth", "NAME"): AuthTable,
    ("api", "NAME"): ApiTable,
    ("api", "NAME", "pages"): PagesTable,
    ("alerts",): AlertsTable,
    ("stream", "NAME"): StreamTable,
    ("stream", "NAME", "checks"): ChecksTable,
    ("stream", "NAME", "graphql"): GraphqlTable,
    ("stream", "NAME", "land"): LandTable,
    ("stream", "NAME", "pages"): PagesTable,
    ("stream", "NAME", "retention"): RetentionTable,
}
"""Every table that the file may have, by where it stands."""
