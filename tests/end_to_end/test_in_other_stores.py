"""The real program, its stream landing in Azurite and on file servers: killed in a row, and the books balance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from tests.clouds.azurite import AzureService
from tests.clouds.servers import PASSWORD, FileServer
from tests.end_to_end.bookkeeper import balance
from tests.end_to_end.ledger_api import LedgerApi, wait_until
from tests.end_to_end.program import Project

from coleta.adapters.server_store import ServerStore
from coleta.ports import ObjectStore
from coleta.stream import Store

KILLS = 4


@dataclass(eq=False, slots=True)
class FarProject(Project):
    """A project whose store is ``url``, reached by ``direct`` too; ``lake`` is where ``mirror`` copies it to."""

    url: str = field(kw_only=True)
    direct: ObjectStore = field(kw_only=True)

    def __post_init__(self) -> None:
        Project.__post_init__(self)
        file = self.folder / "coleta.toml"
        text = file.read_text(encoding="utf-8").replace(f"file://{self.lake}", self.url)
        file.write_text(text, encoding="utf-8")

    def objects(self, stream: str = "s") -> int:
        """How many data objects lie there."""
        return len(list(self.direct.names(f"{stream}/data/")))

    def mirror(self) -> Path:
        """Copy the whole store into the lake's folder, for those who read files."""
        for name in self.direct.names(""):
            body = self.direct.read(name)
            assert body is not None
            file = self.lake / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        return self.lake


def in_azure(azure: AzureService, folder: Path, api: str) -> FarProject:
    url = azure.url()
    lines = f'account = "{azure.account}"\nendpoint = "{azure.endpoint}"\n'
    return FarProject(
        folder / "project", api, folder / "copy", store=lines, variables=azure.login, url=url,
        direct=azure.store(Store(url)),
    )  # fmt: skip


def on_a_server(server: FileServer, folder: Path, api: str) -> FarProject:
    place = server.place()
    alone = "" if server.known_hosts else "exclusive = true\n"
    hosts = f'known_hosts = "{server.known_hosts}"\n' if server.known_hosts else ""
    lines = f'user = "{place.user}"\npassword = "env:LAKE_PASSWORD"\n{alone}{hosts}'
    return FarProject(
        folder / "project", api, folder / "copy", store=lines, variables={"LAKE_PASSWORD": PASSWORD}, url=place.url,
        direct=ServerStore(server.wire(place), create=True),
    )  # fmt: skip


@pytest.fixture(params=["azure", "sftp", "webdav"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, serve: Callable[..., LedgerApi]
) -> Iterator[tuple[FarProject, LedgerApi]]:
    api = serve(seed=1, trouble=0.15)
    service = request.getfixturevalue(request.param)
    make = in_azure if isinstance(service, AzureService) else on_a_server
    one = make(service, tmp_path, api.url)
    yield one, api
    one.end()


def test_kills_in_a_row_and_the_books_balance(project: tuple[FarProject, LedgerApi]) -> None:
    one, api = project
    checked = one.call("check").out
    assert ("that one machine alone lands there is your promise" in checked) == one.url.startswith("webdav:")
    random = Random(3)
    for _ in range(KILLS):
        up = one.up()
        landed, sent = one.objects(), len(api.sent)
        soon = random.random() < 0.3
        wait_until(lambda: len(api.sent) > sent and (soon or one.objects() > landed), "a moment")  # noqa: B023
        up.kill()

    up = one.up()
    landed = one.objects()
    wait_until(lambda: one.objects() > landed, "it lands again")
    assert up.stop() == 143

    assert one.verify()["sound"] is True
    books = balance(one.mirror(), "s", api.sent, [one.spool()], may_be_lost=KILLS + 1)
    assert books.waiting == 0
    assert books.count("table") > 3
