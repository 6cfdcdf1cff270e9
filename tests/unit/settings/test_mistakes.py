"""A project file with mistakes: each is named where it stands, all at once, and no secret is shown."""

from pathlib import Path

import pytest

from coleta.errors import Misconfigured
from coleta.settings import PROJECT_FILE, load_project

HEAD = """\
version = 1
project = "p"
[store.lake]
url = "file://./lake"
"""

STREAM = """\
[stream.s]
url = "https://api.example.com/v1"
every = "1h"
contract = { id = "int", city = "str" }
"""


def on_a_server(lines: str) -> tuple[str, str]:
    """The change that makes the store one on an SFTP server, with `lines` below its URL."""
    return 'url = "file://./lake"', f'url = "sftp://host/x"\n{lines}'


def in_container(lines: str) -> tuple[str, str]:
    """The change that makes the store one of Azure, with `lines` below its URL."""
    return 'url = "file://./lake"', f'url = "az://lake/x"\n{lines}'


def in_bucket(line: str) -> tuple[str, str]:
    """A change of the file's store to one in a bucket, of which `line` is said."""
    return 'url = "file://./lake"', f'url = "s3://bucket/lake"\n{line}'


def through_fsspec(line: str) -> tuple[str, str]:
    """The same to one on an FTP server."""
    return 'url = "file://./lake"', f'url = "fsspec+ftp://host/lake"\nexclusive = true\n{line}'


def refused(folder: Path, text: str, *, to: str | None = None) -> Misconfigured:
    (folder / PROJECT_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        load_project(folder, environment={}, to=to)
    return caught.value


def mistakes(folder: Path, text: str, *, to: str | None = None) -> list[str]:
    """What is said of `text`, a mistake a line."""
    first, *rest = refused(folder, text, to=to).what.splitlines()
    if not rest:
        return [first]
    assert first == f"{len(rest)} mistakes"
    return [line.strip() for line in rest]


def test_all_mistakes_are_reported_at_once_each_with_its_line_and_its_key(tmp_path: Path) -> None:
    text = """\
version = 1
project = "Compras"
[store.lake]
uri = "file://./lake"
[stream.compras]
store = "lake"
url = "ftp://127.0.0.1/x"
evry = "1m"
expect = "list"
contract = { ean = "int", id = "integr", _x = "int" }
key = "eam"
land = { every = 5 }
[stream.other]
url = "https://api.example.com"
cron = "61 * * * *"
zone = "America/Sao_Paolo"
budget = 2
"""
    found = mistakes(tmp_path, text)

    assert [line.partition(": ")[0] for line in found] == [
        f"line {number}" for number in (2, 4, 7, 8, 9, 10, 10, 11, 12, 13, 15, 16, 17)
    ]
    said = "\n".join(found)
    assert "line 4: store.lake.uri: unknown key 'uri'; did you mean 'url'?" in said
    assert "line 8: stream.compras.evry: unknown key 'evry'; did you mean 'every'?" in said
    assert "line 11: stream.compras.key: the contract has no field 'eam'; did you mean 'ean'?" in said
    assert 'line 12: stream.compras.land.every: 5 has no unit: write "5s" for seconds' in said
    assert "line 13: stream.other.contract: missing" in said
    assert "line 16: stream.other.zone: " in said


def test_the_message_begins_with_the_file_and_says_where_keys_are_explained(tmp_path: Path) -> None:
    error = refused(tmp_path, HEAD + STREAM + "evry = 1\n")

    assert str(error).startswith(f"{tmp_path / PROJECT_FILE}: line 9: stream.s.evry: ")
    assert error.exit_status == 78
    assert error.hint is not None
    assert "project-file.md" in error.hint


@pytest.mark.parametrize(
    ("line", "key", "what"),
    [
        ('contrat = "x"', "contrat", "unknown key 'contrat'; did you mean 'contract'?"),
        ('land = { evry = "5m" }', "land.evry", "unknown key 'evry'; did you mean 'every'?"),
        ("pages = { param = 'p' }", "pages.kind", "missing"),
        ("land = 5", "land", "must be a table: write land = { … }"),
        ('expect = "list"', "expect", 'must be "array" or "object"'),
        ("path = 5", "path", "must be a text in quotes"),
        ('verify_tls = "no"', "verify_tls", "must be true or false, without quotes"),
        ('redirects = "all"', "redirects", 'must be "refuse" or "same_origin"'),
        ('allow_addresses = "10.0.0.0/8"', "allow_addresses", "must be a list of networks"),
        ('allow_addresses = ["intranet"]', "allow_addresses", "'intranet' is no network, such as 10.0.0.0/8"),
        (
            'allow_addresses = ["10.1.2.3/8"]',
            "allow_addresses",
            "'10.1.2.3/8' is no network, such as 10.0.0.0/8 or 192.168.1.7; did you mean 10.0.0.0/8?",
        ),
        ('budget = "1"', "budget", "must be a number, without quotes"),
        ("budget = nan", "budget", "must be a number, without quotes"),
        ("budget = 1.5", "budget", "must be at most 1"),
        ('pages = { kind = "page_number", size = 0 }', "pages.size", "must be at least 1"),
        ('pages = { kind = "page_number", first = "1" }', "pages.first", "must be a whole number, without quotes"),
        ('pages = { kind = "page_number", param = "" }', "pages.param", "must not be empty"),
        ('deadline = "0s"', "deadline", 'must be at least "1s"'),
        ('timeout = "2h"', "timeout", 'one request cannot take longer than its tick, whose deadline is "1h"'),
        ('land = { max_bytes = "0MB" }', "land.max_bytes", "must be more than nothing"),
        ('key = ["id", "id"]', "key", "names a field twice"),
        ('cursor = "citi"', "cursor", "the contract has no field 'citi'; did you mean 'city'?"),
        ('zone = "UTC"', "zone", "goes with cron only; every counts from midnight UTC on 1970-01-01"),
        ('store = "lak"', "store", "no store is named 'lak'; did you mean 'lake'?"),
        (
            'params = { page = 1 }\npages = { kind = "page_number" }',
            "params.page",
            "is set by pages; leave it out here",
        ),
        ('pages = { kind = "page_number", size_param = "n" }', "pages.size_param", "needs size, the number that"),
        ('pages = { kind = "page_number", size = 1, size_param = "page" }', "pages.size_param", "is 'page', and so"),
        ('pages = { kind = "pages" }', "pages.kind", 'must be "page_number", "offset", "cursor", "header_cursor"'),
        ('pages = { kind = "offset" }', "pages.size", "missing; how many records are asked for at once?"),
        ('pages = { kind = "cursor" }', "pages.next", "missing; where does a page say what the next one is asked by?"),
        ('pages = { kind = "next_link" }', "pages.next", "missing; where does a page give the URL of the next one?"),
        ('pages = { kind = "header_cursor" }', "pages.header", "missing; which header says it?"),
        ('pages = { kind = "header_cursor", header = "a b" }', "pages.header", "is no name that a header may have"),
        ('pages = { kind = "link_header", param = "p" }', "pages.param", 'means nothing for kind = "link_header"'),
        (
            'pages = { kind = "page_number", next = "a" }',
            "pages.next",
            'means nothing for kind = "page_number"; it goes',
        ),
        ('pages = { kind = "page_number", first = -1 }', "pages.first", "must be at least 0"),
        ('pages = { kind = "page_number", first = true }', "pages.first", "must be a whole number"),
        (
            'pages = { kind = "page_number", has_more = "a" }',
            "pages.has_more",
            "nothing stands beside the records of",
        ),
        (
            'pages = { kind = "page_number", stop_after_empty_page = false }',
            "pages.stop_after_empty_page",
            "nothing else would end the answer; say where total, total_pages or has_more is",
        ),
        ('params = { limit = 1 }\npages = { kind = "offset", size = 5 }', "params.limit", "is set by pages"),
        ("body = { a = 1 }\nform = { b = 2 }", "form", "a request has one body, and body is it; keep one of them"),
        ('body = { a = 1 }\nmethod = "GET"', "method", "a request with body is a POST; leave it out"),
        ("body = { a = [2026-01-01] }", "body.a", "JSON has no dates; write it as a text, as the API wants it"),
        ("body = { a = { b = inf } }", "body.a", "JSON has no such number"),
        ('body = { a = "{tick.ende}" }', "body.a", "unknown placeholder {tick.ende}; did you mean {tick.end}?"),
        ('graphql = { query = "mutation { x }" }', "graphql.query", "must be a query; one that changes something"),
        ('graphql = { query = "{ x }", variables = { a = nan } }', "graphql.variables", "JSON has no such number"),
        ('pages = { kind = "page_number", into = "body" }', "pages.into", "there is no body; write body = { … }"),
        ("conditional = true\nform = { a = 1 }", "conditional", "only a GET can be asked so"),
        (
            'body = { page = 1 }\npages = { kind = "page_number", into = "body" }',
            "body.page",
            "is set by pages; leave it out here",
        ),
        ('delimiter = ";"', "delimiter", 'means something for format = "csv" only'),
        ('format = "csv"\ndelimiter = "ab"', "delimiter", "must be one sign of ASCII"),
        ('format = "ndjson"\nrecords = "a"', "records", "is of JSON; in ndjson each line is a record"),
        ('error_at = "errors"', "error_at", "nothing stands beside an array's records; say where they are"),
        ('format = "xml"', "format", 'must be "json", "ndjson" or "csv"'),
        ('records = "a..b"', "records", '"a..b" is no path'),
        ('records = "a[*].b"', "records", '"a[*].b" is no path'),
        ('records = "a"\nexpect = "array"', "expect", "records are inside an object"),
        ("params = { since = 2026-01-01 }", "params.since", "must be a text, a number, true or false, or a list"),
        ('params = { since = "{tick.strat}" }', "params.since", "unknown placeholder {tick.strat}; did you mean"),
        ('headers = { A = "env:" }', "headers.A", 'must be "env:NAME", or "file:PATH", with a name after it'),
        ('headers = { A = "Bearer env:TOKEN" }', "headers.A", 'a secret is the whole value: write "env:NAME"'),
        ('headers = { A = "file:~/t" }', "headers.A", "~ is the home folder, and HOME is not set"),
        ('headers = { Accept = "a", accept = "b" }', "headers", "Accept stands here twice"),
        ('headers = { Host = "a" }', "headers", "Host is set by coleta itself; leave it out"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_with_what_to_write(tmp_path: Path, line: str, key: str, what: str) -> None:
    (found,) = mistakes(tmp_path, HEAD + STREAM + line + "\n")

    assert f": stream.s.{key}: {what}" in found


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (('every = "1h"\n', ""), "stream.s: says neither every nor cron"),
        (('every = "1h"', 'every = "1h"\ncron = "0 0 * * *"'), "stream.s.cron: every and cron both say when"),
        (('every = "1h"', 'every = "0s"'), 'stream.s.every: must be at least "1s"'),
        (('every = "1h"', 'cron = "0 0 31 2 *"'), "stream.s.cron: "),
        (('contract = { id = "int", city = "str" }\n', ""), "stream.s.contract: missing"),
        (('contract = { id = "int", city = "str" }', 'contract = "c.yaml"'), "stream.s.contract: must be a table"),
        (
            ('contract = { id = "int"', 'contract = { id = "integr"'),
            "stream.s.contract.id: unknown type 'integr'; did you mean 'int'?",
        ),
        (('url = "https://api.example.com/v1"\n', ""), "stream.s.url: missing"),
        (("[stream.s]", "[stream.S-1]"), "stream.S-1: a stream's name must begin with a to z"),
        (("[stream.s]", '[stream."a b"]'), 'stream."a b": a stream\'s name must begin with a to z'),
        (('project = "p"\n', ""), 'project: missing; write project = "name"'),
        (('project = "p"', 'project = "1p"'), "project: must begin with a to z"),
        (("[store.lake]", "[store.LAKE]"), "store.LAKE: a store's name must begin with a to z"),
        (('[store.lake]\nurl = "file://./lake"\n', ""), "stream.s.store: there is no store to land in"),
        (('url = "file://./lake"\n', ""), "store.lake.url: missing"),
        (
            ("file://./lake", "ab://bucket/x"),
            "store.lake.url: unknown kind of store 'ab'",
        ),
        (("file://./lake", "gs://My_Bucket/x"), "store.lake.url: names no bucket"),
        (("file://./lake", "gs://key@bucket/x"), "store.lake.url: holds credentials"),
        (("file://./lake", "az://Container/x"), "store.lake.url: names no container"),
        (("file://./lake", "az://a--b/x"), "store.lake.url: names no container"),
        (("file://./lake", "az://lake@account.blob.core.windows.net/x"), "store.lake.url: is not how a container"),
        (("file://./lake", "abfss://lake:secret@account.dfs.core.windows.net"), "store.lake.url: is not how a"),
        (("file://./lake", "abfss://lake/x"), "store.lake.url: names no account"),
        (("file://./lake", "az://lake/../x"), "store.lake.url: the prefix must be of letters"),
        (("file://./lake", "s3:///x"), "store.lake.url: names no bucket"),
        (("file://./lake", "s3://My_Bucket/x"), "store.lake.url: names no bucket"),
        (("file://./lake", "s3://bucket/a//b"), "store.lake.url: the prefix must be of letters"),
        (("file://./lake", "s3://bucket/../b"), "store.lake.url: the prefix must be of letters"),
        (("file://./lake", "s3://key:secret@bucket/b"), "store.lake.url: holds credentials"),
        (('./lake"', './lake"\nregion = "eu-west-1"'), "store.lake.region: goes with s3:// stores only"),
        (("file://./lake", "sftp://u:secret@host/x"), "store.lake.url: holds credentials"),
        (("file://./lake", "webdavs://u@host/x"), "store.lake.url: holds credentials"),
        (("file://./lake", "sftp://host"), "store.lake.url: names no folder"),
        (("file://./lake", "sftp:///x"), "store.lake.url: names no host"),
        (("file://./lake", "sftp://host/a/../b"), "store.lake.url: the prefix must be of letters"),
        (in_bucket("exclusive = true"), "store.lake.exclusive: goes with fsspec+PROTOCOL:// or sftp://"),
        (in_bucket("options = { a = 1 }"), "store.lake.options: goes with fsspec+PROTOCOL:// stores only"),
        (("file://./lake", "fsspec+://host/x"), "store.lake.url: names no protocol of fsspec"),
        (("file://./lake", "fsspec+s3://bucket/x"), "store.lake.url: write s3:// instead"),
        (("file://./lake", "fsspec+memory://x/y"), "store.lake.url: what lies in memory is lost"),
        (("file://./lake", "fsspec+ftp://host"), "store.lake.url: names no folder"),
        (("file://./lake", "fsspec+ftp://host/a/../b"), "store.lake.url: names no folder"),
        (("file://./lake", "fsspec+ftp://u:secret@host/x"), "store.lake.url: holds credentials"),
        (through_fsspec('options = { password = "canary" }'), "store.lake.options.password: is a secret"),
        (through_fsspec("options = { a = [1] }"), "store.lake.options.a"),
        (on_a_server('password = "env:A"'), "store.lake.password: needs user beside it"),
        (on_a_server('password = "canary"\nuser = "u"'), "store.lake.password: must say where the secret is found"),
        (in_bucket('account = "a"'), "store.lake.account: goes with abfss:// or az:// stores only"),
        (in_bucket('service_account = "env:A"'), "store.lake.service_account: goes with gs:// stores only"),
        (in_container('account_key = "env:A"\nsas_token = "env:B"'), "store.lake.sas_token: stands beside account_key"),
        (in_container('account_key = "c2VjcmV0"'), "store.lake.account_key: must say where the secret is found"),
        (in_container('endpoint = "http://blobs.example"'), "store.lake.endpoint: is not https"),
        (in_bucket('endpoint = "minio:9000"'), "store.lake.endpoint: must be a base URL"),
        (in_bucket('endpoint = "https://u:p@minio"'), "store.lake.endpoint: must be a base URL"),
        (in_bucket('endpoint = "http://minio:9000"'), "store.lake.endpoint: is not https"),
        (in_bucket('sse = "rot13"'), 'store.lake.sse: must be "AES256" or "aws:kms"'),
        (in_bucket('kms_key = "alias/x"'), 'store.lake.kms_key: needs sse = "aws:kms"'),
        (in_bucket('access_key = "env:A"'), "store.lake.access_key: needs secret_key beside it"),
        (in_bucket('session_token = "env:A"'), "store.lake.session_token: needs access_key beside it"),
        (in_bucket('timeout = "0s"'), "store.lake.timeout: must be at least"),
        (("file://./lake", "fil://./lake"), "store.lake.url: unknown kind of store 'fil'; did you mean 'file'?"),
        (("file://./lake", "lake"), "store.lake.url: is no URL; a folder beside the project file is written"),
        (("file://./lake", "file://lake"), "store.lake.url: names a host"),
        (("file://./lake", "file://~ana/lake"), "store.lake.url: ~NAME is not understood"),
        (("[store.lake]", '[spool]\nquota = 10\npath = "~/x"\n[store.lake]'), "spool.quota: 10 has no unit"),
        (("[store.lake]", '[spool]\npath = "~/x"\n[store.lake]'), "spool.path: ~ is the home folder"),
        (("[stream.s]", "[streams.s]"), "streams: unknown key 'streams'; did you mean 'stream'?"),
        (("[stream.s]", "[stream]"), "stream.url: must be a table: write [stream.NAME] above its keys"),
    ],
)
def test_a_mistake_in_what_a_project_must_have_is_named(tmp_path: Path, change: tuple[str, str], what: str) -> None:
    text = (HEAD + STREAM).replace(*change)
    assert text != HEAD + STREAM

    assert what in "\n".join(mistakes(tmp_path, text))


def test_one_mistake_brings_no_second_one_with_it(tmp_path: Path) -> None:
    for wrong in ('every = "1 h"', "every = 60", 'cron = "x"', 'cron = "* * * * *"\nzone = "Mars"'):
        assert len(mistakes(tmp_path, (HEAD + STREAM).replace('every = "1h"', wrong))) == 1
    assert len(mistakes(tmp_path, (HEAD + STREAM).replace("https://", "htps://"))) == 1
    assert len(mistakes(tmp_path, (HEAD + STREAM).replace("file://./lake", "lake"))) == 1


def test_a_key_that_is_only_misspelt_is_not_also_missing(tmp_path: Path) -> None:
    for right, wrong in (
        ("url =", "ulr ="),
        ("every =", "evry ="),
        ("contract =", "contrat ="),
        ("project =", "projct ="),
    ):
        (found,) = mistakes(
            tmp_path,
            HEAD.replace(right, wrong) + STREAM if right == "project =" else HEAD + STREAM.replace(right, wrong),
        )
        assert "did you mean" in found


def test_a_mistake_in_a_contract_of_several_lines_is_named_on_its_own_line(tmp_path: Path) -> None:
    text = (
        HEAD
        + STREAM.replace('contract = { id = "int", city = "str" }\n', "")
        + '[stream.s.contract]\nid = "int"\ncity = "strng"\n'
    )

    (found,) = mistakes(tmp_path, text)

    assert found.startswith("line 10: stream.s.contract.city: ")


def test_a_project_without_streams_is_refused(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, HEAD)

    assert found.startswith("stream: there is none; write [stream.NAME]")


def test_with_several_stores_a_stream_must_name_its_own(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, HEAD + '[store.cold]\nurl = "file://./cold"\n' + STREAM)

    assert found == "line 7: stream.s.store: missing, and there are 2 stores; name one"


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_two_streams_in_one_place_or_inside_each_other_are_refused(tmp_path: Path, first: str, second: str) -> None:
    text = HEAD + STREAM + f'path = "{first}"\n' + STREAM.replace("[stream.s]", "[stream.t]") + f'path = "{second}"\n'

    (found,) = mistakes(tmp_path, text)

    assert found.startswith("line 14: stream.t.path: ")
    assert "'s'" in found


def test_two_streams_whose_paths_only_begin_alike_are_no_mistake(tmp_path: Path) -> None:
    text = HEAD + STREAM + 'path = "a"\n' + STREAM.replace("[stream.s]", "[stream.t]") + 'path = "ab"\n'
    (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")

    assert [stream.path for stream in load_project(tmp_path, environment={}).streams] == ["a", "ab"]


def test_streams_of_two_stores_may_share_a_path_until_to_sends_them_to_one(tmp_path: Path) -> None:
    text = HEAD + '[store.cold]\nurl = "file://./cold"\n' + STREAM + 'store = "lake"\npath = "x"\n'
    text += STREAM.replace("[stream.s]", "[stream.t]") + 'store = "cold"\npath = "x"\n'
    (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")

    assert len(load_project(tmp_path, environment={}).streams) == 2
    assert "stream.t.path: lies where stream 's' lies" in mistakes(tmp_path, text, to="./else")[0]


@pytest.mark.parametrize(
    ("to", "what"),
    [
        ("lak", "--to: no store is named 'lak'; did you mean 'lake'?"),
        ("gs://b/x", "--to: names no bucket"),
        ("s3://b/x", "--to: names no bucket"),
        ("file://b/x", "--to: names a host"),
    ],
)
def test_a_wrong_to_is_named(tmp_path: Path, to: str, what: str) -> None:
    (found,) = mistakes(tmp_path, HEAD + STREAM, to=to)

    assert found.startswith(what)


def test_no_message_shows_a_value_that_may_be_secret(tmp_path: Path) -> None:
    secret = "c0ffee"
    wrong = [
        f'headers = {{ A = "{secret}\\u0001" }}',
        f'headers = {{ A = ["{secret}"] }}',
        f'headers = {{ A = "Bearer {secret} env:X" }}',
        f'headers = {{ A = "env:{secret}-1" }}',
        f'headers = "{secret}"',
    ]
    for line in wrong:
        assert secret not in repr(vars(refused(tmp_path, HEAD + STREAM + line + "\n")))
    for key in ("access_key", "secret_key", "session_token"):
        stored = HEAD.replace(*in_bucket(f'{key} = "{secret}"'))
        assert secret not in repr(vars(refused(tmp_path, stored + STREAM)))
    for url in (f"s3://key:{secret}@bucket/x", f"s3://{secret}@bucket"):
        assert secret not in repr(vars(refused(tmp_path, HEAD.replace("file://./lake", url) + STREAM)))
    for url in (f"https://ana:{secret}@h/x", f"https://h:{secret}/x?k={secret}", f"https://h/ x?k={secret}"):
        assert secret not in repr(vars(refused(tmp_path, HEAD + STREAM.replace("https://api.example.com/v1", url))))


def test_two_stores_of_one_name_in_a_bucket_would_be_reached_in_one_way(tmp_path: Path) -> None:
    text = HEAD.replace("file://./lake", "s3://bucket/lake") + '[store.other]\nurl = "s3://bucket/lake/"\n' + STREAM

    assert "store.other.url: store 'lake' is there already" in mistakes(tmp_path, text)[0]


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "none.toml"):
        with pytest.raises(Misconfigured) as caught:
            load_project(path, environment={})
        assert caught.value.hint is not None
        assert "coleta init" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("version = 1\nproject = compras\n", "line 2, column 11", "a text stands in quotes"),
        ("version = 1\nversion = 1\n", "line 2, column 12", "stands twice"),
        ('version = 1\n[store.a]\nurl = "x"\n[store.a]\n', "line 4, column 9", "stands twice"),
        ("version = 1\nproject = [", "line 2, column 12", "may be missing"),
    ],
)
def test_what_is_not_toml_is_refused_with_line_column_and_a_hint(
    tmp_path: Path, text: str, place: str, hint: str
) -> None:
    error = refused(tmp_path, text)

    assert error.what.startswith(f"{place}: not TOML: ")
    assert error.where == str(tmp_path / PROJECT_FILE)
    assert hint in (error.hint or "")


def test_what_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_bytes('project = "São"'.encode("latin-1"))

    with pytest.raises(Misconfigured, match="is not UTF-8 text"):
        load_project(tmp_path, environment={})


@pytest.mark.parametrize("version", ["2", "0", '"1"', "1.0", "true"])
def test_another_version_is_refused_before_anything_else_is_looked_at(tmp_path: Path, version: str) -> None:
    error = refused(tmp_path, f"version = {version}\nfrom_the_future = 1\n")

    assert error.what.startswith("version")
    assert "from_the_future" not in error.what


def test_a_file_without_a_version_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, 'project = "p"\n')

    assert (error.what, error.hint) == ("version: missing", "begin the file with version = 1")


@pytest.mark.parametrize("url", ["sftp://host/x", "fsspec+ftp://host/x"])
@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("lease = true", "stream.s.lease: a file server holds no lease"),
        ('table = "delta"', 'stream.s.table: table = "delta" needs a bucket or a folder on this machine'),
    ],
)
def test_what_no_file_server_can_hold_is_told_before_anything_starts(
    tmp_path: Path, url: str, line: str, what: str
) -> None:
    text = (HEAD + STREAM).replace("file://./lake", url) + line + "\n"

    assert what in "\n".join(mistakes(tmp_path, text))


@pytest.mark.parametrize("url", ["webdavs://host/x", "fsspec+ftp://host/x"])
def test_where_nothing_is_replaced_in_one_step_rows_are_kept(tmp_path: Path, url: str) -> None:
    text = (HEAD + STREAM).replace("file://./lake", url) + 'retention = { data = "90d" }\n'

    assert "stream.s.retention.data: an object cannot be replaced there" in "\n".join(mistakes(tmp_path, text))
