"""A sound project file, and the values that it gives."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from coleta.contract.types import Float, Int, Str
from coleta.paging import Cursor, NextLink, Offset, PageNumber, Paging, SinglePage
from coleta.settings import PROJECT_FILE, Project, load_project, store_path
from coleta.stream import Cron, Every, FormBody, JsonBody, Landing, SecretRef, Store, Stream

ISSUE = """\
version = 1
project = "compras"
[store.lake]
url = "file://./lake"
[stream.compras]
store = "lake"
url = "http://127.0.0.1:8000/gerar_compras/50"
every = "1m"
contract = { ean = "int", price = "float", store = "int", dateTime = "str" }
expect = "array"
land = { every = "5m" }
"""

SHORT = """\
version = 1
project = "p"
[store.lake]
url = "file://./lake"
[stream.s]
url = "https://api.example.com/v1"
contract = { id = "int", city = "str" }
"""

Load = Callable[..., Project]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes a project file into a folder of its own, and loads it."""

    def write_and_load(text: str, *, to: str | None = None, home: str = "/home/ana") -> Project:
        (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")
        return load_project(tmp_path, environment={"HOME": home}, to=to)

    return write_and_load


@pytest.fixture
def stream(load: Load) -> Callable[[str], Stream]:
    """Loads a short project whose one stream has these further lines."""

    def load_stream(lines: str) -> Stream:
        when = "" if lines.startswith(("every", "cron")) else 'every = "1h"\n'
        (only,) = load(SHORT + when + lines).streams
        return only

    return load_stream


def test_the_purchases_project_becomes_the_values_that_it_says(load: Load, tmp_path: Path) -> None:
    project = load(ISSUE)

    (compras,) = project.streams
    assert (project.name, project.root) == ("compras", tmp_path)
    assert project.stores == {"lake": Store((tmp_path / "lake").as_uri())}
    assert (compras.name, compras.project, compras.path) == ("compras", "compras", "compras")
    assert compras.store == (tmp_path / "lake").as_uri()
    assert compras.source.url == "http://127.0.0.1:8000/gerar_compras/50"
    assert compras.schedule == Every(timedelta(minutes=1))
    assert compras.landing == Landing(every=timedelta(minutes=5))
    fields = {field.name: field.type for field in compras.terms.contract.fields}
    assert fields == {"ean": Int(), "price": Float(), "store": Int(), "dateTime": Str()}


def test_the_spool_lies_in_the_project_unless_it_is_placed_elsewhere(load: Load, tmp_path: Path) -> None:
    assert load(ISSUE).spool == tmp_path / ".coleta"
    assert load(ISSUE + '[spool]\npath = "../spool"\n').spool == tmp_path.parent / "spool"
    assert load(ISSUE + '[spool]\npath = "~/spool"\n').spool == Path("/home/ana/spool")


def test_the_spool_has_a_quota_and_refuses_memory_unless_told_otherwise(load: Load) -> None:
    assert (load(ISSUE).quota_bytes, load(ISSUE).allow_tmpfs) == (10_000_000_000, False)

    told = load(ISSUE + '[spool]\nquota = "1GiB"\nallow_tmpfs = true\n')

    assert (told.quota_bytes, told.allow_tmpfs) == (2**30, True)


def test_a_project_is_found_by_its_folder_or_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(ISSUE, encoding="utf-8")
    (tmp_path / PROJECT_FILE).write_text(ISSUE.replace('"compras"', '"folder"'), encoding="utf-8")

    assert load_project(tmp_path / "other.toml", environment={}).name == "compras"
    assert load_project(tmp_path, environment={}).name == "folder"


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_bytes(b"\xef\xbb\xbf" + ISSUE.replace("\n", "\r\n").encode())

    assert load_project(tmp_path, environment={}).name == "compras"


def test_what_a_stream_does_not_say_has_a_default(stream: Callable[[str], Stream]) -> None:
    plain = stream("")

    assert plain.source.paging == SinglePage()
    assert (plain.source.method, plain.source.params, plain.source.headers) == ("GET", (), ())
    assert (plain.source.allow_empty_body, plain.source.retry_unsafe, plain.source.verify_tls) == (False, False, True)
    assert (plain.source.redirects, plain.source.allow_addresses) == ("refuse", ())
    assert plain.source.max_answer_bytes == 2_000_000_000
    assert plain.landing == Landing(every=timedelta(0), max_bytes=256_000_000)
    assert (plain.delay, plain.budget) == (timedelta(0), 0.1)
    terms = plain.terms
    assert (terms.expect, terms.on_violation, terms.unknown) == ("array", "quarantine", "drop")
    assert (terms.records, terms.key, terms.cursor) == ((), (), None)


def test_what_a_stream_says_is_kept(stream: Callable[[str], Stream]) -> None:
    full = stream("""\
method = "POST"
timeout = "10s"
deadline = "5m"
delay = "2m"
catch_up = "none"
max_answer = "5MB"
allow_empty = true
retry_unsafe = true
verify_tls = false
redirects = "same_origin"
allow_addresses = ["10.0.0.0/8", "::1"]
on_violation = "null"
unknown = "keep"
key = ["city", "id"]
cursor = "id"
path = "raw/city=sp/v1.0"
budget = 1
land = { every = "1d", max_bytes = "64KiB" }
""")

    source = full.source
    assert (source.method, source.timeout, source.deadline) == ("POST", timedelta(seconds=10), timedelta(minutes=5))
    assert (source.allow_empty_body, source.retry_unsafe, source.verify_tls) == (True, True, False)
    assert (source.redirects, source.allow_addresses) == ("same_origin", ("10.0.0.0/8", "::1"))
    assert source.max_answer_bytes == 5_000_000
    assert (full.delay, full.catch_up, full.path) == (timedelta(minutes=2), "none", "raw/city=sp/v1.0")
    assert (full.terms.on_violation, full.terms.unknown) == ("null", "keep")
    assert (full.terms.key, full.terms.cursor, full.budget) == (("city", "id"), "id", 1.0)
    assert full.landing == Landing(every=timedelta(days=1), max_bytes=65_536)


def test_a_cron_is_read_in_its_zone_and_in_utc_without_one(stream: Callable[[str], Stream]) -> None:
    assert stream('cron = "30 6 * * 1-5"').schedule == Cron("30 6 * * 1-5", "UTC")
    assert stream('cron = "0 0 * * *"\nzone = "America/Sao_Paulo"').schedule == Cron("0 0 * * *", "America/Sao_Paulo")


@pytest.mark.parametrize(
    ("lines", "deadline_s", "timeout_s"),
    [
        ('every = "1s"', 60, 30),
        ('every = "1m"', 60, 30),
        ('every = "2h"', 7200, 30),
        ('cron = "0 0 * * *"', 60, 30),
        ('every = "1h"\ndeadline = "20s"', 20, 20),
        ('every = "2m"\ntimeout = "2m"', 120, 120),
    ],
)
def test_the_deadline_is_the_interval_but_at_least_a_minute_and_no_request_outlives_it(
    stream: Callable[[str], Stream], lines: str, deadline_s: int, timeout_s: int
) -> None:
    source = stream(lines).source

    assert source.deadline == timedelta(seconds=deadline_s)
    assert source.timeout == timedelta(seconds=timeout_s)


def test_what_was_missed_is_asked_for_only_where_the_request_names_the_tick(
    stream: Callable[[str], Stream],
) -> None:
    assert stream("").catch_up == "latest"
    assert stream('params = { since = "{tick.start}" }').catch_up == "all"
    assert stream('params = { since = "{tick.start}" }\ncatch_up = "none"').catch_up == "none"


@pytest.mark.parametrize("records", ["data.items", "$.data.items"])
def test_records_inside_an_object_say_that_an_object_is_expected(stream: Callable[[str], Stream], records: str) -> None:
    terms = stream(f'records = "{records}"').terms

    assert (terms.expect, terms.records) == ("object", ("data", "items"))


def test_parameters_are_sent_as_texts_and_a_list_as_one_name_several_times(
    stream: Callable[[str], Stream],
) -> None:
    params = stream('params = { a = "x", n = 5, f = 0.5, on = true, tag = ["new", 2], j = \'{"q": 1}\' }').source.params

    assert params == (
        ("a", "x"),
        ("n", "5"),
        ("f", "0.5"),
        ("on", "true"),
        ("tag", "new"),
        ("tag", "2"),
        ("j", '{"q": 1}'),
    )


def test_a_header_is_a_text_or_says_where_its_secret_is(stream: Callable[[str], Stream], tmp_path: Path) -> None:
    headers = stream(
        'headers = { Accept = "text/csv", A = "env:TOKEN", B = "file:run/t", C = "file:~/t" }'
    ).source.headers

    assert headers == (
        ("Accept", "text/csv"),
        ("A", SecretRef("env:TOKEN")),
        ("B", SecretRef(f"file:{tmp_path}/run/t")),
        ("C", SecretRef("file:/home/ana/t")),
    )


def test_pages_are_asked_by_number(stream: Callable[[str], Stream]) -> None:
    told = stream(
        'records = "data"\npages = { kind = "page_number", param = "p", first = 0, size_param = "n", size = 100, '
        'total = "meta.count", total_pages = "$.meta.pages", max_pages = 7 }'
    )

    assert told.source.paging == PageNumber(
        "p", 0, size_param="n", size=100, total=("meta", "count"), total_pages=("meta", "pages"), max_pages=7
    )
    assert stream('pages = { kind = "page_number" }').source.paging == PageNumber()


@pytest.mark.parametrize(
    ("pages", "paging"),
    [
        ('{ kind = "offset", size = 50 }', Offset(size_param="limit", size=50)),
        ('{ kind = "cursor", next = "meta.next" }', Cursor(next=("meta", "next"))),
        (
            '{ kind = "cursor", next = "n", param = "after", first = "*", has_more = "more", max_pages = 7 }',
            Cursor("after", "*", ("n",), has_more=("more",), max_pages=7),
        ),
        ('{ kind = "header_cursor", header = "X-Next" }', Cursor(header="X-Next")),
        ('{ kind = "next_link", next = "links.next" }', NextLink(("links", "next"))),
        ('{ kind = "link_header" }', NextLink()),
        (
            '{ kind = "link_header", rel = "later", size_param = "n", size = 5 }',
            NextLink(rel="later", size_param="n", size=5),
        ),
        (
            '{ kind = "next_link", next = "n", stop_after_empty_page = true }',
            NextLink(("n",), stop_after_empty_page=True),
        ),
    ],
)
def test_pages_are_asked_in_the_way_of_their_kind(stream: Callable[[str], Stream], pages: str, paging: Paging) -> None:
    assert stream(f'records = "data"\npages = {pages}').source.paging == paging


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file://./lake", "{root}/lake"),
        ("file://../lake", "{parent}/lake"),
        ("file://./my lake", "{root}/my lake"),
        ("file://./my%20lake", "{root}/my lake"),
        ("file:///srv/lake", "/srv/lake"),
        ("file://localhost/srv/lake", "/srv/lake"),
        ("file:///srv/x/../água", "/srv/água"),
        ("file://~/lake", "/home/ana/lake"),
    ],
)
def test_a_file_store_is_the_folder_that_its_url_names(load: Load, tmp_path: Path, url: str, folder: str) -> None:
    (only,) = load(ISSUE.replace("file://./lake", url)).streams

    assert only.store.startswith("file:///")
    assert " " not in only.store
    assert store_path(only.store) == Path(folder.format(root=tmp_path, parent=tmp_path.parent))


@pytest.mark.parametrize(
    ("to", "folder"),
    [
        ("cold", "/mnt/cold"),
        ("file:///tmp/else", "/tmp/else"),
        ("/tmp/50% #1?", "/tmp/50% #1?"),
        ("./my lake", "{root}/my lake"),
        ("~/lake", "/home/ana/lake"),
    ],
)
def test_to_takes_the_place_of_every_streams_store(load: Load, tmp_path: Path, to: str, folder: str) -> None:
    text = ISSUE + '[store.cold]\nurl = "file:///mnt/cold"\n'

    (only,) = load(text, to=to).streams

    assert store_path(only.store) == Path(folder.format(root=tmp_path))


def test_a_store_that_is_overruled_stays_as_it_is_written(load: Load) -> None:
    project = load(ISSUE.replace("file://./lake", "gs://bucket/lake"), to="./lake")

    assert project.stores == {"lake": Store("gs://bucket/lake")}
    assert project.streams[0].store.endswith("/lake")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("s3://my-bucket", "s3://my-bucket"),
        ("s3://my-bucket/", "s3://my-bucket"),
        ("s3://my.bucket/lake/raw/", "s3://my.bucket/lake/raw"),
        ("gs://my.bucket/lake/", "gs://my.bucket/lake"),
        ("az://lake", "az://lake"),
        ("sftp://host/srv/lake/", "sftp://host/srv/lake"),
        ("sftp://me@host:2222/~/lake", "sftp://me@host:2222/~/lake"),
        ("webdavs://host/dav/", "webdavs://host/dav"),
        ("webdav://[::1]:8080", "webdav://[::1]:8080"),
        ("az://lake/raw/x/", "az://lake/raw/x"),
        ("abfss://lake@account.dfs.core.windows.net/raw/", "abfss://lake@account.dfs.core.windows.net/raw"),
    ],
)
def test_a_bucket_and_a_prefix_in_it_are_a_store(load: Load, written: str, url: str) -> None:
    project = load(ISSUE.replace("file://./lake", written))

    assert project.streams[0].store == url
    assert project.store(url) == Store(url)


def test_what_is_said_of_a_bucket_is_kept_with_secrets_as_references(load: Load, tmp_path: Path) -> None:
    keys = """url = "s3://bucket/lake"
        region = "sa-east-1"
        endpoint = "https://minio.example:9000/"
        path_style = false
        allow_http = true
        sse = "aws:kms"
        kms_key = "alias/lake"
        storage_class = "STANDARD_IA"
        access_key = "env:LAKE_KEY"
        secret_key = "file:./secret"
        session_token = "env:LAKE_TOKEN"
        timeout = "1m"
        """
    project = load(ISSUE.replace('url = "file://./lake"', keys))

    assert project.store("s3://bucket/lake") == Store(
        url="s3://bucket/lake",
        region="sa-east-1",
        endpoint="https://minio.example:9000",
        path_style=False,
        allow_http=True,
        encryption="aws:kms",
        kms_key="alias/lake",
        storage_class="STANDARD_IA",
        access_key=SecretRef("env:LAKE_KEY"),
        secret_key=SecretRef(f"file:{tmp_path}/secret"),
        session_token=SecretRef("env:LAKE_TOKEN"),
        timeout=timedelta(minutes=1),
    )


def test_to_may_be_a_bucket_that_the_file_does_not_know(load: Load) -> None:
    project = load(ISSUE, to="s3://elsewhere/lake")

    assert project.streams[0].store == "s3://elsewhere/lake"
    assert project.store("s3://elsewhere/lake") == Store("s3://elsewhere/lake")


def test_to_may_be_a_bucket_that_the_file_knows_with_all_that_is_said_of_it(load: Load) -> None:
    text = ISSUE + '[store.cold]\nurl = "s3://cold/lake"\nregion = "sa-east-1"\n'

    for to in ("cold", "s3://cold/lake/"):
        project = load(text, to=to)
        assert project.store(project.streams[0].store).region == "sa-east-1"


def test_streams_keep_the_order_of_the_file(load: Load) -> None:
    more = "".join(
        f'[stream.{name}]\nurl = "http://h/{name}"\nevery = "1h"\ncontract = {{ id = "int" }}\n' for name in "zac"
    )

    assert [stream.name for stream in load(ISSUE + more).streams] == ["compras", "z", "a", "c"]


def test_with_to_a_project_needs_no_store_of_its_own(load: Load, tmp_path: Path) -> None:
    project = load(SHORT.replace('[store.lake]\nurl = "file://./lake"\n', "") + 'every = "1h"\n', to="./else")

    assert [store_path(stream.store) for stream in project.streams] == [tmp_path / "else"]


def test_a_body_makes_the_request_a_post_and_says_where_its_secrets_are(stream: Callable[[str], Stream]) -> None:
    told = stream('body = { q = { key = "env:KEY", n = 1 } }\nparams = { who = "env:WHO", a = 1 }').source

    assert told.method == "POST"
    assert told.body == JsonBody({"q": {"key": SecretRef("env:KEY"), "n": 1}})
    assert told.params == (("who", SecretRef("env:WHO")), ("a", "1"))
    assert not told.retry_unsafe


def test_a_form_is_sent_as_it_is_written(stream: Callable[[str], Stream]) -> None:
    assert stream('form = { tag = ["a", "b"] }').source.body == FormBody((("tag", "a"), ("tag", "b")))


def test_a_query_of_graphql_is_a_post_that_may_be_sent_again(stream: Callable[[str], Stream]) -> None:
    told = stream('graphql = { query = "{ x }", variables = { n = 1 } }').source

    assert told.method == "POST"
    assert told.retry_unsafe
    assert told.error_at == ("errors",)
    assert told.body == JsonBody({"query": "{ x }", "variables": {"n": 1}}, frozenset({"query"}))


def test_a_format_is_of_the_terms_and_is_asked_for(stream: Callable[[str], Stream]) -> None:
    told = stream('format = "csv"\ndelimiter = ";"\ncolumns = ["id", "x"]')

    assert (told.terms.format, told.terms.delimiter, told.terms.columns) == ("csv", ";", ("id", "x"))
    assert told.source.headers == (("Accept", "text/csv, */*;q=0.5"),)
    assert stream('format = "ndjson"\nheaders = { accept = "x/y" }').source.headers == (("accept", "x/y"),)
    assert stream('format = "json"').terms == stream("").terms
