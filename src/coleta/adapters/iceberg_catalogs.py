"""The outside thing, a catalog of Iceberg tables: a database that SQLAlchemy reaches, or a service that speaks REST.

It says which file of a table's metadata is the newest, and lies outside the store. Only a store in a folder has one by
itself, in a file of SQLite beside what lands. Whichever it is, files of metadata are reached by our own store: no
property of a table, and no word of a service, puts other code in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io import FileIO
from pyiceberg.typedef import EMPTY_DICT, Properties
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError
from sqlalchemy.pool import NullPool

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.iceberg_files import AREA, Area, StoreFiles
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.errors import Misconfigured
from coleta.stream import SecretRef, Store

CATALOG = "coleta"
"""The name under which the tables stand in the database: one database may hold several catalogs."""

_SQLITE = "sqlite:///"

_PATIENCE: Mapping[str, str] = {"connect_timeout": "10", "tcp_user_timeout": "30000"}
"""How long PostgreSQL is waited for, in s and ms, where its URL does not say: without limits a network that goes away
would hold publishing for hours."""


class Catalogs:
    """The catalog that `place` names, connected to once for each password and token that it is reached with."""

    def __init__(self, place: Store, area: Area, *, environment: Environment, root: Path, default: Path | None) -> None:
        """Prepare; nothing is reached yet. `default` is the database where none is named, `root` the project's."""
        self._place = place
        self._area = area
        self._environment = environment
        self._root = root
        self._default = default
        self._lock = Lock()
        self._kept: tuple[tuple[str | None, ...], Catalog] | None = None

    def connect(self) -> Catalog:
        """The catalog as it is reached now; a database that is not there is made, if it is a file.

        Raises:
            Misconfigured: it cannot be reached as the settings say.

        """
        url = self._url()
        if url.startswith(_SQLITE):
            # Not kept: it may be put back, or another put in its place, and a connection would still see the old one.
            return _sql(url, self._area)
        with self._lock:
            token, credential = self._secret(self._place.catalog_token), self._secret(self._place.catalog_credential)
            key = (url, token, credential)
            if self._kept is None or self._kept[0] != key:
                if self._kept is not None:
                    self._kept[1].close()
                self._kept = key, self._connected(url, token, credential)
            return self._kept[1]

    def found(self) -> Catalog | None:
        """The same; None where that is a file that is not there: looking makes none."""
        url = self._url()
        if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE).partition("?")[0]).exists():
            return None
        return self.connect()

    def _connected(self, url: str, token: str | None, credential: str | None) -> Catalog:
        if not url.startswith(("http:", "https:")):
            return _sql(url, self._area)
        from coleta.adapters.iceberg_rest import rest_catalog

        return rest_catalog(url, self._place, self._area, token=token, credential=credential)

    def _url(self) -> str:
        """The catalog's URL, as it is now."""
        match self._place.catalog:
            case None:
                return f"{_SQLITE}{self._default}"
            case SecretRef() as reference:
                written = self._secret(reference) or ""
            case str() as written:
                pass
        if written.startswith(_SQLITE):
            return f"{_SQLITE}{self._root / written.removeprefix(_SQLITE)}"
        return written

    def _secret(self, reference: SecretRef | None) -> str | None:
        return None if reference is None else EnvironmentSecrets(self._environment(), folder=self._root)(reference)


class _Sql(SqlCatalog):
    """A database, whose tables' files are reached by our own store. No connection is held between two looks at it."""

    def __init__(self, name: str, **properties: str) -> None:
        try:
            super().__init__(name, **properties)
        finally:
            if first := getattr(self, "engine", None):
                first.dispose()
        self.engine = create_engine(properties["uri"], poolclass=NullPool)

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return StoreFiles(self.properties)


def _sql(url: str, area: Area) -> SqlCatalog:
    given: dict[str, object] = {AREA: area, "py-io-impl": f"{StoreFiles.__module__}.{StoreFiles.__name__}"}
    try:
        given["uri"] = _patient(url)
        try:
            return _Sql(CATALOG, **given)  # type: ignore[arg-type]
        except (IntegrityError, ProgrammingError):
            # Another makes the tables of a new database at the same time, and has made them by now.
            return _Sql(CATALOG, **given)  # type: ignore[arg-type]
    except (ArgumentError, ModuleNotFoundError) as error:
        # Not shown whole: the URL may hold a password.
        what = f"{error.name} is not installed" if isinstance(error, ModuleNotFoundError) else "it is no such URL"
        raise Misconfigured(
            f"the Iceberg catalog cannot be reached: {what}",
            hint="the URL is one of SQLAlchemy's, and its driver is installed beside coleta: "
            "postgresql+psycopg://user:password@host/name needs pip install 'psycopg[binary]'",
        ) from None


def _patient(url: str) -> str:
    """`url` with limits to how long is waited, where it is PostgreSQL's and does not say."""
    given = make_url(url)
    if given.drivername not in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        return url
    more = {key: value for key, value in _PATIENCE.items() if key not in given.query}
    return given.update_query_dict(more).render_as_string(hide_password=False)
