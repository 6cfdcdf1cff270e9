"""Settings, secrets' place: the environment, and a ``.env`` file beside the project file.

The real environment wins. Nothing is put into this process's own environment, and no value of
``.env`` is ever shown.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from coleta.errors import Misconfigured

ENVIRONMENT_FILE = ".env"


def load_environment(root: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment`, with what ``.env`` in the folder `root` adds to it.

    Raises:
        Misconfigured: there is a ``.env`` that cannot be read; the message names the line.

    """
    file = root / ENVIRONMENT_FILE
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return dict(environment)
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError:
        raise Misconfigured("is not UTF-8 text", where=str(file), hint="save it again as UTF-8") from None
    return {**_parse(file, text), **environment}


def _parse(file: Path, text: str) -> dict[str, str]:
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    wrong: list[int] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
        elif binding.error or binding.key is not None:
            # The parser counts from the end of the last binding; empty lines come before this one.
            original = binding.original.string
            blank = original[: len(original) - len(original.lstrip())]
            wrong.append(binding.original.line + blank.count("\n"))
    if wrong:
        numbers = ", ".join(str(number) for number in wrong)
        raise Misconfigured(
            f"line {numbers}: not of the form NAME=value", where=str(file), hint='quote a value as in NAME="two words"'
        )
    return values
