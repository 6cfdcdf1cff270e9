"""The outside thing, alerts: a command that gets a notice as JSON on its standard input.

Promises that one that does not end in time is ended, with all that it has started, and that nothing of what it writes
is shown: a command may write what it was told as a secret. It runs in the project's folder, with the process's own
environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Lock

from coleta.adapters.durable import meaning
from coleta.audit.alerts import Notice
from coleta.terms import canonical


class AlertCommand:
    """The port ``Alerts`` by `command`, a program with its arguments. One at a time."""

    def __init__(self, command: Sequence[str], *, folder: Path) -> None:
        """Run it in `folder`."""
        self._command, self._folder = tuple(command), folder
        self._lock = Lock()
        self._running: subprocess.Popen[bytes] | None = None

    def send(self, notice: Notice, *, timeout: timedelta) -> str | None:
        """See ``Alerts``."""
        try:
            process = self._begun()
        except OSError as error:
            return f"{self._command[0]} cannot be run: {meaning(error)[0]}"
        except ValueError:
            return f"{self._command[0]} cannot be run: an argument holds what no argument can"
        try:
            process.communicate(canonical(notice) + b"\n", timeout=timeout.total_seconds())
        except subprocess.TimeoutExpired:
            return f"{self._command[0]} did not end within {timeout.total_seconds():.0f} s and was killed"
        except OSError as error:
            return f"{self._command[0]} did not take the notice: {meaning(error)[0]}"
        finally:
            with self._lock:
                _end(process)
                self._running = None
        return _told(self._command[0], process.returncode)

    def _begun(self) -> subprocess.Popen[bytes]:
        # Together, so that whoever closes this ends what has just begun, too.
        with self._lock:
            self._running = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # A group of its own: what it starts ends with it, and Ctrl-C in a terminal does not reach it.
                start_new_session=True,
            )
            return self._running

    def close(self) -> None:
        """See ``Alerts``."""
        with self._lock:
            if self._running is not None:
                _kill(self._running)


def _told(name: str, status: int) -> str | None:
    if status < 0:
        return f"{name} was ended by signal {-status}"
    return f"{name} ended with status {status}" if status else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of it behind that is still at work, nor of what it has started."""
    _kill(process)
    with suppress(OSError, subprocess.TimeoutExpired):
        process.wait(1)


def _kill(process: subprocess.Popen[bytes]) -> None:
    # One that has ended and was waited for has no number any more: another program may have it by now.
    if process.returncode is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
