"""The pages about clouds and file servers against the code: their stores load, and whoever follows them lands there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from tests.clouds.azurite import ACCOUNT, AzureService
from tests.clouds.google import TOKEN, GoogleService
from tests.clouds.servers import PASSWORD, FileServer
from tests.docs.reader import ROOT, Reader, blocks

from coleta.settings import PROJECT_FILE, load_project
from coleta.stream import Store

PAGES = ("docs/how-to/azure.md", "docs/how-to/google-cloud.md", "docs/how-to/sftp-webdav.md")
STREAM = '[stream.s]\nurl = "http://h/x"\nevery = "1h"\ncontract = { id = "int" }\n'
PURCHASES = 'contract = { ean = "int", price = "float", store = "int", dateTime = "str" }'


def stores(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^( *)```toml store\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    assert text.count("```toml") == len(found)
    return [textwrap.dedent(one) for _, one in found]


@pytest.mark.parametrize("text", [text for page in PAGES for text in stores(page)])
def test_every_store_on_the_pages_loads(tmp_path: Path, text: str) -> None:
    (tmp_path / PROJECT_FILE).write_text(f'version = 1\nproject = "p"\n{text}{STREAM}', encoding="utf-8")

    (stream,) = load_project(tmp_path, environment={}).streams

    assert stream.store.endswith("/lake")


def follow(page: str, kind: str, store: str, environment: dict[str, str], folder: Path) -> None:
    """Type what the page shows in a project that lands in `store`."""
    reader = Reader(folder)
    with reader.stack:
        stream = f'[stream.compras]\nurl = "{reader.api}/gerar_compras/5"\nevery = "1m"\n{PURCHASES}\n'
        text = f'version = 1\nproject = "p"\n{store}{stream}[spool]\nallow_tmpfs = true\n'
        (reader.folder / PROJECT_FILE).write_text(text, encoding="utf-8")
        reader.environment |= environment
        typed = [one for one in blocks(page) if one.kind == kind]
        assert typed
        for one in typed:
            reader.follow(one)


def test_whoever_follows_the_page_lands_in_azure(tmp_path: Path, azure: AzureService) -> None:
    url = azure.url()
    store = stores(PAGES[0])[0].replace("az://my-container/lake", url).replace("myaccount", ACCOUNT)

    follow(PAGES[0], "sh azure", store, azure.environment(), tmp_path)

    assert len(list(azure.store(Store(url)).names("compras/data/"))) == 1


def test_whoever_follows_the_page_lands_in_what_plays_google(tmp_path: Path, google: GoogleService) -> None:
    place = google.place()
    reached = f'endpoint = "{google.endpoint}"\ntoken = "env:TOKEN"\n'
    store = stores(PAGES[1])[0].replace("gs://my-bucket/lake", place.url) + reached

    follow(PAGES[1], "sh google", store, {"TOKEN": TOKEN}, tmp_path)

    assert len(list(google.store(place).names("compras/data/"))) == 1


def on_a_server(server: FileServer, folder: Path, text: str, url: str) -> Path:
    """Type what the page shows with the store `text`, whose `url` leads to a new folder; the folder on the server."""
    place = server.place()
    hosts = f'known_hosts = "{server.known_hosts}"\n'
    store = text.replace(url, place.url).replace('known_hosts = "known_hosts"\n', hosts)

    follow(PAGES[2], "sh server", store, {"LAKE_PASSWORD": PASSWORD}, folder)

    return server.root / place.url.rpartition("/")[2]


def test_whoever_follows_the_page_lands_on_an_sftp_server(tmp_path: Path, sftp: FileServer) -> None:
    text = stores(PAGES[2])[1]

    folder = on_a_server(sftp, tmp_path, text, "sftp://files.example.com/srv/lake")

    assert len(list(folder.glob("compras/data/*/*.parquet"))) == 1


def test_whoever_follows_the_page_lands_on_an_ftp_server(tmp_path: Path, ftp: FileServer) -> None:
    text = stores(PAGES[2])[3]

    folder = on_a_server(ftp, tmp_path, text, "fsspec+ftp://files.example.com/lake")

    assert len(list(folder.glob("compras/data/*/*.parquet"))) == 1


def test_whoever_follows_the_page_lands_on_a_webdav_server(tmp_path: Path, webdav: FileServer) -> None:
    text = stores(PAGES[2])[2]

    folder = on_a_server(webdav, tmp_path, text, "webdavs://cloud.example.com/remote.php/dav/files/coleta/lake")

    assert len(list(folder.glob("compras/data/*/*.parquet"))) == 1
