"""What wiring hands to the command line: the few things that it cannot make by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # Late, since `coleta --version` needs none of it.
    from coleta.cli.app import App
    from coleta.cli.mock import Serve


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What ``coleta demo`` is to do: ``folder`` becomes a project whose stream asks each ``every``.

    ``bad`` is the share of purchases that break the contract, from 0 to 1. With ``s3`` they land in a
    bucket of an S3 on this machine, not in a folder.
    """

    folder: Path
    every: timedelta = timedelta(seconds=3)
    seed: int | None = None
    bad: float = 0.03
    s3: bool = False


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo under way: its project, and the base URLs of the API that it collects and of its S3, if it has one."""

    app: App
    api: str
    s3: str | None = None


class OpenApp(Protocol):
    """Opens a project."""

    def __call__(self, path: Path, to: str | None) -> App:
        """The project in the folder, or the file, at `path`; `to` names one store for all its streams.

        Raises:
            Misconfigured: there is none, or something is wrong with it.

        """


class StartDemo(Protocol):
    """Starts a demo."""

    def __call__(self, plan: DemoPlan) -> AbstractContextManager[Demo]:
        """Write the project, and serve the purchases API, and S3 if planned, while the block runs.

        Raises:
            Misconfigured: the folder cannot be used, or the extra ``demo`` or SeaweedFS is missing.

        """


@dataclass(frozen=True, slots=True)
class Doors:
    """All that the commands ask of the program around them.

    ``write_example`` makes the purchases project in a folder (``coleta.toml``, ``.env.example``,
    ``.gitignore``), gives the path of its ``coleta.toml``, and raises ``Misconfigured`` rather than
    overwrite a file. ``config_schema`` gives the JSON Schema of ``coleta.toml``.
    """

    version: str
    open_app: OpenApp
    write_example: Callable[[Path], Path]
    serve_mock: Serve
    start_demo: StartDemo
    config_schema: Callable[[], Mapping[str, object]]
