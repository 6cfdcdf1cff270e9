"""Where a stream's Iceberg table lies, in the words of Iceberg's readers, and the catalog that knows it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coleta.adapters.cloud_bucket import Environment
from coleta.errors import Misconfigured
from coleta.ports import Housekeeping, ObjectStore
from coleta.stream import Store

if TYPE_CHECKING:
    from coleta.adapters.iceberg_table import IcebergRegister

DEFAULT_FILE = "iceberg.sqlite"
"""The database of a store in a folder, at the store's root."""


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
    if folder is None and not place.url.startswith(("s3:", "az:", "abfss:", "gs:")):
        raise Misconfigured(
            'table = "iceberg" is not there for this kind of store, which no reader of Iceberg knows',
            where=place.url,
            hint="leave table out: the data objects are read without it",
        )
    if folder is None and place.catalog is None:
        raise Misconfigured(
            "an Iceberg table needs a catalog, and a bucket has none by itself",
            where=place.url,
            hint='write catalog = "env:NAME" beside its url, and into NAME a URL such as postgresql+psycopg://… or '
            "https://… of a REST catalog",
        )
    from coleta.adapters.iceberg_catalogs import Catalogs
    from coleta.adapters.iceberg_files import Area
    from coleta.adapters.iceberg_table import IcebergRegister

    area = Area(_location(place, path, environment) if folder is None else f"file://{folder}", store, housekeeping)
    default = None if folder is None else folder.parents[path.count("/")] / DEFAULT_FILE
    catalogs = Catalogs(place, area, environment=environment, root=root, default=default)
    return IcebergRegister(name, area, connect=catalogs.connect, found=catalogs.found)


def _location(place: Store, path: str, environment: Environment) -> str:
    """The URL of the stream's place as readers of Iceberg write it."""
    if not place.url.startswith("az:"):
        return f"{place.url.rstrip('/')}/{path}"
    # az:// says nothing of the account, and few readers know it: the other form of the same URL is what they take.
    from coleta.adapters.azure_container import account_of, endpoint_of

    variables = environment()
    container, _, prefix = place.url.removeprefix("az://").partition("/")
    host = urlsplit(endpoint_of(place, variables)).hostname or ""
    suffix = host.partition(".blob.")[2] or "core.windows.net"
    where = f"abfss://{container}@{account_of(place, variables)}.dfs.{suffix}"
    return "/".join(filter(None, (where, prefix, path)))
