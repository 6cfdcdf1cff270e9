"""Settings, a first project file: the purchases API of ``coleta mock``, with comments that teach."""

from __future__ import annotations

import json
from pathlib import Path

from coleta.errors import Misconfigured
from coleta.settings.document import PROJECT_FILE

_EXAMPLE = """\
# A Coleta project: what is collected, how often, what each record must look like, and where it lands.
# Every key that may stand here: docs/reference/project-file.md. Try your changes with `coleta check`.

version = 1
project = {project}

# A store is where the data objects lie. {kind}
[store.lake]
url = {store}
{reached}
# A stream is one series of records from one API. Its name is also its folder in the store.
[stream.compras]
store = "lake"
url = {url}

# One request for each minute, hour, … on the clock: "30s", "5m", "2h", "1d". Or: cron = "0 6 * * 1-5"
every = {every}

# The fields to keep, and their types. Nothing is converted: "12" is not an int. A record that does
# not fit goes to the quarantine with the reason, and the others land.
contract = {{ ean = "int", price = "float", store = "int", dateTime = "str" }}

# A page of this API is an array of records. Where the array lies inside an object, write
# records = "data.items" instead.
expect = "array"

# How long answers may wait on this machine, so that many land as one file. They are safe meanwhile.
land = {{ every = {land_every} }}

# A secret is never written here, only where it is found:
# headers = {{ Authorization = "env:API_TOKEN" }}
"""

_A_FOLDER = "This one is a folder; ./ is the folder of this file."
_A_BUCKET = "This one is a bucket, and may have a prefix in it."


def example_project(
    *,
    project: str = "compras",
    api: str = "http://127.0.0.1:8000",
    store: str = "file://./lake",
    reached: str = "",
    every: str = "1m",
    land_every: str = "5m",
) -> str:
    """The text of a ``coleta.toml`` that collects 50 purchases at a time from `api`, a base URL.

    `every` and `land_every` are durations as in the file, and `store` is a URL. A project file
    with these values loads: they are quoted, not checked. `reached` are further lines of the store's table.
    """
    return _EXAMPLE.format(
        project=_quoted(project),
        url=_quoted(f"{api.rstrip('/')}/gerar_compras/50"),
        store=_quoted(store),
        kind=_A_FOLDER if store.startswith("file:") else _A_BUCKET,
        reached=reached,
        every=_quoted(every),
        land_every=_quoted(land_every),
    )


def _quoted(text: str) -> str:
    # A JSON string without surrogate escapes is a TOML basic string.
    return json.dumps(text, ensure_ascii=False)


def write_project(folder: Path) -> Path:
    """Make the example project in `folder`: its ``coleta.toml``, ``.env.example`` and ``.gitignore``; the first's path.

    Raises:
        Misconfigured: one of them exists, or the folder cannot be written; nothing is overwritten.

    """
    texts = {PROJECT_FILE: example_project(), ".env.example": _ENV_EXAMPLE, ".gitignore": _GITIGNORE}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = [name for name in texts if (folder / name).exists()]
        if taken:
            raise Misconfigured(
                f"{taken[0]} exists already", where=str(folder), hint="choose another folder: coleta init FOLDER"
            )
        for name, text in texts.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise Misconfigured(f"it cannot be written: {error.strerror}", where=str(folder)) from None
    return folder / PROJECT_FILE


_ENV_EXAMPLE = """\
# Copy to .env and fill in. coleta.toml names these by reference, never by value:
#     headers = { Authorization = "env:COMPRAS_AUTHORIZATION" }
COMPRAS_AUTHORIZATION=
"""

_GITIGNORE = """\
.env
.coleta/
lake/
"""
