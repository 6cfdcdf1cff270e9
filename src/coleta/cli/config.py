"""``coleta config``: about the project file itself. Reads no store and asks no API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import table
from coleta.cli.session import JsonOption, session_of

if TYPE_CHECKING:
    from coleta.cli.app import Setting

_HEADS = ("KEY", "VALUE", "FROM", "SECRET")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def config_commands(doors: Doors) -> typer.Typer:
    """The commands ``config show`` and ``config schema``."""
    group = typer.Typer(name="config", no_args_is_help=True, help="What the project file says, and what it may say.")
    group.command("show")(_show_command(doors))
    group.command("schema")(_schema_command(doors))
    return group


def _schema_command(doors: Doors) -> Callable[..., None]:
    def schema(context: typer.Context) -> None:
        """Write the JSON Schema of coleta.toml, with which an editor explains keys and underlines mistakes.

        As: coleta config schema > coleta.schema.json; and in coleta.toml the first line #:schema ./coleta.schema.json
        """
        text = json.dumps(doors.config_schema(), indent=2, ensure_ascii=False)
        session_of(context).screen.data(text.encode() + b"\n")

    return schema


def _show_command(doors: Doors) -> Callable[..., None]:
    def show(context: typer.Context, *, json: JsonOption = False) -> None:
        """Show every setting as it takes effect, and where it comes from: the file, a default, the environment.

        Secrets are shown as references, never as values.
        """
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        settings, screen = app.settings(), session.screen
        if json:
            values = [_value(setting) for setting in settings]
            screen.document({"project": app.name, "root": str(app.root), "settings": values})
            return
        rows = [(_key(one), toml_text(one.value), _origin(one), one.secret) for one in settings]
        screen.out(table(_HEADS, rows))

    return show


def _value(setting: Setting) -> dict[str, object]:
    return {
        "key": _key(setting),
        "value": setting.value,
        "from": setting.origin,
        "where": setting.where,
        "secret": setting.secret,
    }


def _key(setting: Setting) -> str:
    return ".".join(_toml_key(key) for key in setting.keys)


def _origin(setting: Setting) -> str:
    if setting.where is None:
        return setting.origin
    return setting.where if setting.origin == "file" else f"{setting.origin}: {setting.where}"


def toml_text(value: object) -> str:
    """`value` as one writes it in the file, in one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # A JSON string is a basic string of TOML, where no half of a UTF-16 pair stands in it.
            return json.dumps(value, ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(toml_text(one) for one in value)}]"
        case dict():
            inner = ", ".join(f"{_toml_key(str(key))} = {toml_text(one)}" for key, one in value.items())
            return f"{{ {inner} }}"
    return str(value)


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
