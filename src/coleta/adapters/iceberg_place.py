"""Where a stream's Iceberg table is known: the catalog that the store's settings name, reached by SQLAlchemy.

A catalog is a database outside the store: it says which file of metadata is the newest. Only a store in a folder has
one by itself, in a file of SQLite beside what lands.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.errors import Misconfigured
from coleta.ports import Housekeeping, ObjectStore
from coleta.stream import SecretRef, Store

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

    from coleta.adapters.iceberg_table import IcebergRegister

CATALOG = "coleta"
"""The name under which the tables stand in the database: one database may hold several catalogs."""

DEFAULT_FILE = "iceberg.sqlite"
"""The database of a store in a folder, at the store's root."""

_SQLITE = "sqlite:///"


def iceberg_table(
    place: Store,
    path: str,
    name: tuple[str, str],
    store: ObjectStore,
    *,
    folder: Path | None,
    environment: Environment,
    root: Path,
    housekeeping: Callable[[], Housekeeping] | None = None,
) -> IcebergRegister:
    """The table of the stream at `path` in `place`, which `store` reaches too; its `name` has the namespace first.

    `folder` is the stream's own, if it lies on this machine, and `root` the project's. Old metadata is deleted by
    `housekeeping`, which works below `path`, if it is given.

    Raises:
        Misconfigured: pyiceberg is not installed, there is no catalog, or readers of Iceberg know no such store.

    """
    # Not imported before: that takes a while, and whoever only collects does without.
    if find_spec("pyiceberg") is None or find_spec("sqlalchemy") is None:
        raise Misconfigured(
            'pyiceberg is not installed, and table = "iceberg" needs it', hint="pip install 'coleta[iceberg]'"
        )
    if not place.url.startswith(("file:", "s3:")):
        raise Misconfigured(
            'table = "iceberg" is not there for this kind of store yet',
            where=place.url,
            hint="leave table out: the data objects are read without it",
        )
    if folder is None and place.catalog is None:
        raise Misconfigured(
            "an Iceberg table needs a catalog, and a bucket has none by itself",
            where=place.url,
            hint='write catalog = "env:NAME" beside its url, and into NAME a URL such as postgresql+psycopg://…',
        )
    from coleta.adapters.iceberg_files import Area
    from coleta.adapters.iceberg_table import IcebergRegister

    area = Area(f"{place.url.rstrip('/')}/{path}" if folder is None else f"file://{folder}", store, housekeeping)
    url = _url(place, folder and folder.parents[path.count("/")], environment, root)
    return IcebergRegister(
        name, area, connect=lambda: _connect(url(), area), found=lambda: _connect(url(), area, only_found=True)
    )


def _url(place: Store, lake: Path | None, environment: Environment, root: Path) -> Callable[[], str]:
    """What gives the database's URL, as it is now; `lake` is the store's folder, if it is one."""

    def find() -> str:
        match place.catalog:
            case None:
                return f"{_SQLITE}{lake}/{DEFAULT_FILE}"
            case SecretRef():
                written = EnvironmentSecrets(environment(), folder=root)(place.catalog)
            case str():
                written = place.catalog
        if written.startswith(_SQLITE):
            return f"{_SQLITE}{root / written.removeprefix(_SQLITE)}"
        return written

    return find


def _connect(url: str, area: object, *, only_found: bool = False) -> Catalog | None:
    """The catalog at `url`; with `only_found` None where that is a file that is not there: looking makes none."""
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy.exc import ArgumentError

    from coleta.adapters.iceberg_files import AREA, StoreFiles

    if only_found and url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE).partition("?")[0]).exists():
        return None
    given: dict[str, object] = {AREA: area, "py-io-impl": f"{StoreFiles.__module__}.{StoreFiles.__name__}"}
    try:
        # A connection that the database has closed meanwhile is noticed before it is used.
        return SqlCatalog(CATALOG, uri=url, pool_pre_ping="true", **given)  # type: ignore[arg-type]
    except (ArgumentError, ModuleNotFoundError) as error:
        # Not shown whole: the URL may hold a password.
        what = f"{error.name} is not installed" if isinstance(error, ModuleNotFoundError) else "it is no such URL"
        raise Misconfigured(
            f"the Iceberg catalog cannot be reached: {what}",
            hint="the URL is one of SQLAlchemy's, and its driver is installed beside coleta: "
            "postgresql+psycopg://user:password@host/name needs pip install 'psycopg[binary]'",
        ) from None
