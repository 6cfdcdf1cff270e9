"""The pages of commands and exit codes against the program: nothing is missing, nothing is made up."""

import re
from pathlib import Path

import typer

from coleta import errors
from coleta.cli import demo, main, up, verify
from coleta.cli.doors import Doors
from coleta.errors import ColetaError
from coleta.wiring import config_schema, open_app, serve_mock, start_demo, write_example

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
COMMANDS = (REFERENCE / "commands.md").read_text(encoding="utf-8")
EXIT_CODES = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")

DOORS = Doors("0", open_app, write_example, serve_mock, start_demo, config_schema)
PROGRAM = typer.main.get_command(main.build(DOORS))

EVERYWHERE = {"--help"}


def options_of(command: object) -> set[str]:
    found: set[str] = set()
    for parameter in command.params:  # type: ignore[attr-defined]
        found |= {name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("-")}
    return found


def all_options_of(command: object) -> set[str]:
    """Those of a group are those of its commands."""
    return options_of(command).union(*(options_of(one) for one in getattr(command, "commands", {}).values()))


def commands() -> dict[str, set[str]]:
    return {name: all_options_of(command) for name, command in PROGRAM.commands.items()}  # type: ignore[attr-defined]


def section(name: str) -> str:
    found = re.search(rf"^## `coleta {name}\b.*?(?=^## |\Z)", COMMANDS, flags=re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section of {name}"
    return found[0]


def test_every_command_has_a_section_in_the_order_of_the_help_and_no_other_has() -> None:
    assert re.findall(r"^## `coleta (\w+)", COMMANDS, flags=re.MULTILINE) == list(commands())


def test_every_option_of_a_command_is_in_its_section_and_no_other_is() -> None:
    for name, options in commands().items():
        written = set(re.findall(r"`(--[a-z0-9-]+)", section(name)))

        assert written == options - EVERYWHERE, name


def test_every_command_of_a_group_is_in_its_section() -> None:
    groups = {name: command.commands for name, command in PROGRAM.commands.items() if hasattr(command, "commands")}  # type: ignore[attr-defined]

    assert groups
    for name, inner in groups.items():
        assert set(re.findall(rf"^`coleta {name} (\w+)", section(name), flags=re.MULTILINE)) == set(inner), name


def test_every_option_before_the_command_is_in_the_page() -> None:
    beginning = COMMANDS.partition("\n## ")[0]
    table = [line for line in beginning.splitlines() if line.startswith("|")]

    assert set(re.findall(r"`(--?[A-Za-z-]+)", "\n".join(table))) == options_of(PROGRAM) | EVERYWHERE


def statuses_of_errors(kind: type[ColetaError] = ColetaError) -> set[int]:
    return {kind.exit_status}.union(*(statuses_of_errors(below) for below in kind.__subclasses__()))


def test_every_exit_status_is_in_the_page_and_no_other_is() -> None:
    written = {int(status) for status in re.findall(r"^\| ([0-9]+) \|", EXIT_CODES, flags=re.MULTILINE)}
    usage = 2
    known = statuses_of_errors() | {0, usage, main.BUG, main.CANNOT_WRITE, verify.NOT_CHECKED}
    known |= {*up.STATUSES.values(), *demo.STATUSES.values()}

    assert written == known


def test_the_error_tree_in_the_code_names_every_exit_status_of_an_error() -> None:
    assert errors.__doc__ is not None
    named = {int(status) for status in re.findall(r" ([0-9]{1,2})$", errors.__doc__, flags=re.MULTILINE)}

    assert statuses_of_errors() - {ColetaError.exit_status} == named | {errors.Doubtful.exit_status}
