from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import fields

import pytest
import typer
import urllib3
from typer.testing import CliRunner

from coleta.cli.mock import mock_command
from coleta.demo_api.serving import listen
from coleta.demo_api.settings import Settings

# The command as the program connects it, alone.
PROGRAM = """
import sys, typer
from coleta.cli.mock import mock_command
from coleta.errors import ColetaError

def serve(switches, *, host, port, announce):
    from coleta.demo_api.serving import serve
    from coleta.demo_api.settings import Settings
    serve(Settings.of(switches), host=host, port=port, announce=announce)

app = typer.Typer()
app.command("mock")(mock_command(serve))
try:
    app()
except ColetaError as error:
    print(error, "|", error.hint, file=sys.stderr)
    sys.exit(error.exit_status)
"""


class Recorder:
    """A server that only notes what it was told, and announces an address."""

    def __init__(self) -> None:
        self.told: tuple[Mapping[str, float | None], str, int] | None = None

    def __call__(
        self, switches: Mapping[str, float | None], *, host: str, port: int, announce: Callable[[str], None]
    ) -> None:
        self.told = (switches, host, port)
        announce("http://there:1")


def run(*words: str) -> tuple[Recorder, int, str, str]:
    recorder = Recorder()
    app = typer.Typer()
    app.command("mock")(mock_command(recorder))
    result = CliRunner().invoke(app, list(words))
    return recorder, result.exit_code, result.stdout, result.stderr


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process, and the address that it prints."""
    command = [sys.executable, "-c", PROGRAM, "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address, documentation, _ = (process.stderr.readline() for _ in range(3))
            assert documentation.endswith("/docs\n")
            yield process, address.split()[-1]
        finally:
            process.kill()


def test_the_options_have_the_names_and_first_values_of_the_settings() -> None:
    recorder, status, _, _ = run()

    assert status == 0
    assert recorder.told is not None
    switches, host, port = recorder.told
    assert set(switches) == {field.name for field in fields(Settings)}
    assert Settings.of(switches) == Settings()
    assert (host, port) == ("127.0.0.1", 8000)


def test_every_switch_reaches_the_server() -> None:
    given: dict[str, float] = {
        "seed": 3,
        "rate_429": 0.01,
        "retry_after_s": 4,
        "rate_500": 0.02,
        "rate_slow": 0.03,
        "delay_s": 1.5,
        "rate_truncated": 0.04,
        "rate_error_answer": 0.05,
        "rate_error_purchase": 0.06,
        "rate_broken": 0.07,
    }
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]

    recorder, status, _, _ = run(*words, "--host", "0.0.0.0", "--port", "9000")

    assert status == 0
    assert recorder.told == (given, "0.0.0.0", 9000)


def test_the_addresses_are_printed_on_stderr_only() -> None:
    _, _, out, err = run()

    assert out == ""
    assert "http://there:1\n" in err
    assert "http://there:1/docs\n" in err


@pytest.mark.parametrize(
    "words", [("--rate-500", "1.5"), ("--rate-429", "-1"), ("--port", "70000"), ("--seed", "x"), ("--rate-fire", "1")]
)
def test_a_wrong_option_is_a_usage_error(words: tuple[str, ...]) -> None:
    recorder, status, _, err = run(*words)

    assert (status, recorder.told) == (2, None)
    assert words[0] in err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_then_stops_without_a_traceback(
    stop: signal.Signals, http: urllib3.PoolManager
) -> None:
    with running("--seed", "7", "--rate-error-purchase", "1") as (process, url):
        purchases = json.loads(http.request("GET", f"{url}/gerar_compras/3").data)
        process.send_signal(stop)
        out, err = process.communicate(timeout=30)

    assert [purchase["ean"] for purchase in purchases] == [0, 0, 0]
    assert out == ""
    assert "Traceback" not in err
    assert process.returncode != 0


def test_a_port_in_use_ends_with_its_number_and_what_to_try() -> None:
    with closing(listen("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-c", PROGRAM, "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 78
    assert f"port {port} is in use" in done.stderr
    assert "--port 0" in done.stderr
    assert "Traceback" not in done.stderr
