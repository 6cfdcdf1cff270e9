"""Settings become adapters, adapters become an ``App``: the one place that knows everybody.

`app.py` is one project as commands want it, `rooms.py` makes its parts, `stores.py` chooses where it lands; this module
is what the command line asks for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from coleta import __version__
from coleta.cli.doors import Demo, DemoPlan, Doors
from coleta.wiring.app import App, open_app

__all__ = ["App", "config_schema", "main", "open_app", "serve_mock", "start_demo", "write_example"]


def write_example(folder: Path) -> Path:
    """Make the purchases project in `folder`: its ``coleta.toml``, ``.env.example`` and ``.gitignore``.

    Raises:
        Misconfigured: one of them exists, or the folder cannot be written; nothing is overwritten.

    """
    from coleta.settings.example import write_project

    return write_project(folder)


def serve_mock(switches: Mapping[str, float | None], *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve the purchases API until it is stopped."""
    from coleta.demo_api.serving import serve
    from coleta.demo_api.settings import Settings

    serve(Settings.of(switches), host=host, port=port, announce=announce)


@contextmanager
def start_demo(plan: DemoPlan) -> Iterator[Demo]:
    """Serve the purchases API, and make the demo's project in the plan's folder, on that address.

    Raises:
        Misconfigured: the folder cannot be used, or the extra ``demo`` or SeaweedFS is missing.

    """
    from coleta.demo_stage import stage

    with stage(plan) as (api, s3):
        yield Demo(open_app(plan.folder), api, s3)


def config_schema() -> Mapping[str, object]:
    """The JSON Schema of ``coleta.toml``, for editors."""
    from coleta.settings.schema import file_schema

    return file_schema()


def main() -> int:
    """Run the command line; the exit status."""
    from coleta.cli.main import build, run

    # A thread that decodes would hold a fetching one up for 5 ms at each page: a sixth of a long run's time.
    sys.setswitchinterval(0.0005)
    doors = Doors(
        version=__version__,
        open_app=open_app,
        write_example=write_example,
        serve_mock=serve_mock,
        start_demo=start_demo,
        config_schema=config_schema,
    )
    return run(build(doors), sys.argv[1:])
