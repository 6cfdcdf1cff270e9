"""Which file server a URL asks for: ``sftp://``, ``webdavs://``, ``webdav://`` or ``fsspec+PROTOCOL://``."""

from __future__ import annotations

from pathlib import Path

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.server_store import Wire
from coleta.stream import Store


def wire_to(store: Store, *, environment: Environment, folder: Path) -> Wire:
    """The wire to the folder that the URL of `store` names.

    Raises:
        Misconfigured: it cannot be used as the settings say.

    """
    if store.url.startswith("sftp:"):
        from coleta.adapters.sftp_wire import SftpWire

        return SftpWire(store, environment=environment, folder=folder)
    if store.url.startswith("fsspec+"):
        from coleta.adapters.fsspec_wire import FsspecWire

        return FsspecWire(store, environment=environment, folder=folder)
    from coleta.adapters.webdav_wire import WebdavWire

    return WebdavWire(store, environment=environment, folder=folder)
