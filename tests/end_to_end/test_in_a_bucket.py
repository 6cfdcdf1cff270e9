"""The real program, its streams landing in a bucket of a real S3: started, killed, stopped, two at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from time import monotonic

import pytest
from tests.end_to_end.bookkeeper import balance
from tests.end_to_end.bucket import BucketProject
from tests.end_to_end.ledger_api import LedgerApi, wait_until
from tests.s3.proxy import Fault, FaultyProxy
from tests.s3.service import ADMIN, LANDER, READER, S3Service

from coleta.adapters.housekeeping import CloudHousekeeping
from coleta.stream import Store

Serve = Callable[..., LedgerApi]


@pytest.fixture
def project(s3: S3Service, tmp_path: Path, serve: Serve) -> Iterator[Callable[..., BucketProject]]:
    made: list[BucketProject] = []
    url = s3.url()

    def making(
        api: LedgerApi, name: str = "a project", *, behind: S3Service | None = None, **streams: str
    ) -> BucketProject:
        one = BucketProject(tmp_path / name, api.url, tmp_path / "copy", streams or {"s": ""}, s3=behind or s3, url=url)
        one.direct = s3.store(Store(url))
        made.append(one)
        return one

    yield making
    for one in made:
        one.end()


Make = Callable[..., BucketProject]


def test_one_tick_is_checked_landed_and_verified(project: Make, serve: Serve) -> None:
    one = project(serve())

    checked, ran = one.call("check"), one.call("run", "s")

    assert checked.status == 0, checked.out + checked.err
    assert f"{one.url}: honours create-only puts; nothing landed yet" in checked.out
    assert ran.status == 0, ran.err
    assert one.verify()["sound"] is True
    assert one.objects() == 1


def test_a_folders_project_lands_in_a_bucket_with_to_and_the_environment_alone(project: Make, serve: Serve) -> None:
    one = project(serve())
    file = one.folder / "coleta.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(one.url, "file://./lake"), encoding="utf-8")

    ran = one.call("run", "s", "--to", one.url)

    assert ran.status == 0, ran.err
    assert one.objects() == 1
    assert not (one.folder / "lake").exists()


def wait_for_a_moment(random: Random, api: LedgerApi, one: BucketProject) -> None:
    """Wait until something was sent and, mostly, landed: a kill may fall between the two."""
    landed, sent = one.objects(), len(api.sent)
    wait_until(lambda: len(api.sent) > sent and (random.random() < 0.2 or one.objects() > landed), "a moment")


def test_kills_in_a_row_and_the_books_balance(project: Make, serve: Serve) -> None:
    random = Random(3)
    api = serve(seed=1, trouble=0.15)
    one = project(api)
    kills = 5
    for _ in range(kills):
        up = one.up()
        wait_for_a_moment(random, api, one)
        up.kill()

    up = one.up()
    one.wait_for_objects(2)
    assert up.stop() == 143

    assert one.verify()["sound"] is True
    books = balance(one.mirror(), "s", api.sent, [one.spool()], may_be_lost=kills + 1)
    assert books.waiting == 0
    assert books.count("table") > 5


def test_two_collectors_in_one_bucket_and_the_books_balance(project: Make, serve: Serve) -> None:
    api = serve(seed=2)
    projects = [project(api, name) for name in ("one", "two")]
    ups = [one.up() for one in projects]
    projects[0].wait_for_objects(2)
    ups[0].kill()
    ups[0] = projects[0].up()
    projects[0].wait_for_objects(3)
    for up in ups:
        assert up.stop() == 143

    for one in projects:
        assert one.verify()["sound"] is True
    books = balance(projects[0].mirror(), "s", api.sent, [one.spool() for one in projects], may_be_lost=3)
    assert books.waiting == 0
    assert books.count("table") > 3


def test_credentials_that_expire_and_come_back_and_a_cut_line_lose_nothing(
    project: Make, serve: Serve, s3: S3Service
) -> None:
    api = serve(seed=4)
    with FaultyProxy(s3.endpoint) as proxy:
        one = project(api, behind=s3.at(proxy.url))
        up = one.up()
        one.wait_for_objects(1)
        proxy.plan = lambda seen: Fault.DENIED
        one.wait_for_waiting(3)
        proxy.plan = lambda seen: Fault.DROP_AFTER if len(proxy.seen) % 3 == 0 else Fault.NONE
        wait_until(lambda: not one.waiting(), "all that waited lands", within_s=60)
        proxy.plan = lambda seen: Fault.NONE
        assert up.stop() == 143
        said = up.said()

    assert "403 ExpiredToken" in said
    assert proxy.token not in said
    books = balance(one.mirror(), "s", api.sent, [one.spool()], may_be_lost=1)
    assert books.waiting == 0


def test_a_start_without_the_store_goes_on_collecting_where_it_was_let_in_before(project: Make, serve: Serve) -> None:
    api = serve(seed=5)
    one = project(api)
    assert one.call("run", "s").status == 0
    one.log_in(LANDER, AWS_SECRET_ACCESS_KEY="of-yesterday")

    history = one.call("history", "s")
    assert (history.status, "ok" in history.out) == (0, True), "what this machine remembers is shown"
    assert one.call("verify").status == 75
    up = one.up()
    one.wait_for_waiting(2)
    one.log_in(LANDER)
    wait_until(lambda: not one.waiting(), "all that waited lands with the new keys", within_s=60)
    assert up.stop() == 143

    assert one.verify()["sound"] is True


def test_a_store_that_hangs_does_not_keep_a_service_from_stopping(project: Make, serve: Serve, s3: S3Service) -> None:
    api = serve(seed=6)
    with FaultyProxy(s3.endpoint) as proxy:
        one = project(api, behind=s3.at(proxy.url))
        up = one.up()
        one.wait_for_objects(1)
        proxy.plan = lambda seen: Fault.HANG
        wait_until(lambda: any(seen.fault is Fault.HANG for seen in proxy.seen), "a request hangs")
        one.wait_for_waiting(1)
        began = monotonic()
        assert up.stop() == 143
        assert monotonic() - began < 15

    assert one.call("run", "s").status == 75, "accepted, and kept until its endpoint is back"
    one.log_in(LANDER, AWS_ENDPOINT_URL=s3.endpoint)
    assert one.call("run", "s").status == 0
    books = balance(one.mirror(), "s", api.sent, [one.spool()], may_be_lost=1)
    assert books.waiting == 0


@pytest.mark.parametrize(
    ("variables", "status", "what"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "canary"}, 77, "access denied (403 SignatureDoesNotMatch)"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, 69, "connection refused"),
    ],
)
def test_check_says_what_is_wrong_with_the_access(
    project: Make, serve: Serve, variables: dict[str, str], status: int, what: str
) -> None:
    one = project(serve())
    one.log_in(LANDER, **variables)

    done = one.call("check")

    assert done.status == status
    (line,) = [line for line in done.out.splitlines() if line.startswith("FAILED")]
    assert line.startswith(f"FAILED  store     s: {what}")
    assert "bucket 'lake' in region us-east-1 at http://127.0.0.1:" in done.out
    assert "canary" not in done.out + done.err


def test_check_names_a_missing_bucket_and_a_denied_one(project: Make, serve: Serve, s3: S3Service) -> None:
    one = project(serve())
    file = one.folder / "coleta.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(one.url, "s3://nobody-made-it"), encoding="utf-8")

    one.log_in(ADMIN)  # who may see nothing but the lake is denied access to what is not there, too
    missing = one.call("check", "--json")
    one.log_in(READER)
    file.write_text(text, encoding="utf-8")
    denied = one.call("check", "--json")

    found = [check["error"] for done in (missing, denied) for check in json.loads(done.out)["checks"] if check["error"]]
    assert (missing.status, denied.status) == (78, 77)
    assert "bucket 'nobody-made-it' in region us-east-1" in json.dumps(found[0])
    assert "there is no such bucket" in json.dumps(found[0])
    assert "s3:PutObject" in json.dumps(found[1])


def test_check_warns_of_a_rule_of_the_bucket_that_would_take_objects_of_the_log(
    project: Make, serve: Serve, s3: S3Service
) -> None:
    one = project(serve())
    prefix = one.url.removeprefix("s3://lake/")
    rule = f"<Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix>{prefix}/s/_arch</Prefix></Filter>"
    days = "<Expiration><Days>3650</Days></Expiration></Rule>"

    without = one.call("check")
    with s3.with_rules(f"<LifecycleConfiguration>{rule}{days}</LifecycleConfiguration>"):
        warned, told = one.call("check"), one.call("check", "--json")

    assert "ok      lifecycle s: no rule of the bucket takes anything away" in without.out
    assert warned.status == 0
    assert f"WARNING lifecycle s: the rule 'tidy' deletes what begins with '{prefix}/s/_arch': the log" in warned.out
    assert [one["check"] for one in json.loads(told.out)["checks"] if one["warning"]] == ["lifecycle"]


def test_a_new_endpoint_is_another_store_even_if_its_bucket_has_the_same_name(
    project: Make, serve: Serve, s3: S3Service
) -> None:
    one = project(serve())
    assert one.call("run", "s").status == 0
    puts_before = one.objects()
    with FaultyProxy(s3.endpoint) as proxy:
        one.log_in(LANDER, AWS_ENDPOINT_URL=proxy.url)
        assert one.call("run", "s").status == 0
        assert proxy.requests("PUT", "_coleta/probe"), "it is probed anew"
    assert one.objects() == puts_before + 1


def test_a_log_moves_into_a_bucket_and_within_it_and_nothing_is_lost(
    project: Make, serve: Serve, s3: S3Service
) -> None:
    """As one who may not delete: a move never asks for it."""
    api = serve(seed=6)
    one, two = project(api, "one"), project(api, "two")
    file = one.folder / "coleta.toml"
    in_bucket = file.read_text(encoding="utf-8")
    file.write_text(in_bucket.replace(one.url, "file://./lake"), encoding="utf-8")
    up = one.up()
    wait_until(lambda: len(list((one.folder / "lake").rglob("*.parquet"))) >= 3, "some objects land in the folder")
    assert up.stop() == 143

    into = one.call("move", "s", "--to", one.url, "--json")
    assert into.status == 0, into.err
    up = two.up()
    one.wait_for_objects(2)
    within = one.call("move", "s", "--path", "t", "--json")
    assert within.status == 0, within.err
    assert up.process.wait(timeout=30) == 78
    assert f"goes on at {one.url}/t" in up.said()
    assert two.call("move", "s", "--path", "t").status == 0
    for each in (one, two):
        assert each.call("run", "s", "--now").status == 0
        assert each.verify()["sound"] is True

    # The books are kept under the name by which the API was asked.
    lake = one.mirror()
    shutil.rmtree(lake / "s")
    (lake / "t").rename(lake / "s")
    books = balance(lake, "s", api.sent, [one.spool(), two.spool()], may_be_lost=2)
    assert books.waiting == 0
    assert books.count("table") > 3


def test_what_a_bucket_has_lost_comes_back_from_a_folder_and_the_other_way_round(project: Make, serve: Serve) -> None:
    one = project(serve())
    for _ in range(2):
        assert one.call("run", "s").status == 0
    copy = one.mirror()
    (newest, *_) = sorted(one.direct.names("s/data/"), reverse=True)
    whole = one.direct.read(newest)
    keeper = CloudHousekeeping(Store(one.url), environment=one.s3.environment, folder=one.folder)
    keeper.delete(newest)
    assert one.call("verify").status == 76

    done = one.call("repair", "--from", str(copy))

    assert (done.status, one.direct.read(newest)) == (0, whole), done.out + done.err
    assert one.verify()["sound"] is True
    (copy / newest).unlink()
    file = one.folder / "coleta.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(one.url, f"file://{copy}"), encoding="utf-8")
    assert one.call("verify").status == 76
    assert one.call("repair", "--from", one.url).status == 0
    assert (copy / newest).read_bytes() == whole
