"""How this program is called from here, for the commands that it suggests."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path


def program() -> str:
    """``coleta`` where the shell finds that, else the path of the script beside this Python."""
    script = Path(sys.executable).with_name("coleta")
    found = shutil.which("coleta")
    if found is not None and (Path(found) == script or not script.exists()):
        return "coleta"
    return near(script) if script.exists() else f"{near(Path(sys.executable))} -m coleta"


def near(path: Path) -> str:
    """`path`, quoted for a shell, and relative where it lies below the working folder."""
    return shlex.quote(str(relative(path)))


def relative(path: Path) -> Path:
    """`path`, relative where it lies below the working folder."""
    with suppress(ValueError):
        return Path(os.path.abspath(path)).relative_to(Path.cwd())  # noqa: PTH100  # a link in .venv stays one
    return path


def quoted(text: str) -> str:
    """`text` as one word of a shell, in double quotes where that is easier to read."""
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'
