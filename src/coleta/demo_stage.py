"""What ``coleta demo`` plays on: the purchases API, a store, and a project that joins them. For demos only."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from coleta.cli.doors import DemoPlan
from coleta.demo_api.purchases import time_of_day
from coleta.demo_api.seaweedfs import Login, serve_s3
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.errors import Misconfigured
from coleta.settings import PROJECT_FILE, example_project

BUCKET = "demo"
_KEYS = ("access_key", "secret_key")


@contextmanager
def stage(plan: DemoPlan) -> Iterator[tuple[str, str | None]]:
    """Serve what the demo needs, and write its project file; the URLs of the API, and of the S3 if there is one.

    Raises:
        Misconfigured: the folder cannot be used, or something is not installed.

    """
    with ExitStack() as stack:
        s3 = stack.enter_context(_bucket(plan.folder / "s3")) if plan.s3 else None
        settings = Settings(seed=plan.seed, rate_broken=plan.bad)
        api = stack.enter_context(serve_in_background(settings, clock=time_of_day))
        with _writing(plan.folder):
            (plan.folder / PROJECT_FILE).write_text(_project(plan, api, s3), encoding="utf-8")
        yield api, s3


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise Misconfigured(f"it cannot be written: {error.strerror}", where=str(folder)) from None


@contextmanager
def _bucket(folder: Path) -> Iterator[str]:
    """Serve S3 from `folder`, where the keys to it lie too, each in a file of its own; the endpoint."""
    keys = [secrets.token_hex(16) for _ in _KEYS]
    with _writing(folder):
        for name, key in zip(_KEYS, keys, strict=True):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(key, encoding="utf-8")
    login = Login(*keys)
    with serve_s3(folder, bucket=BUCKET, logins=[login]) as endpoint:
        yield endpoint


def _project(plan: DemoPlan, api: str, s3: str | None) -> str:
    every = f"{plan.every // timedelta(seconds=1)}s"
    if s3 is None:
        text = example_project(project="demo", api=api, every=every, land_every="0s")
    else:
        keys = "".join(f"{name} = {json.dumps(f'file:s3/{name}')}\n" for name in _KEYS)
        reached = f'endpoint = {json.dumps(s3)}\nregion = "us-east-1"\n{keys}'
        url = f"s3://{BUCKET}/lake"
        text = example_project(project="demo", api=api, store=url, reached=reached, every=every, land_every="0s")
    # The addresses are others at each start, so the file is this command's own; the rest of it stays.
    return text + "\n# A demo may lie in a folder in memory; a real spool may not.\n[spool]\nallow_tmpfs = true\n"
