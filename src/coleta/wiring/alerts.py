"""How a project's people are told of trouble, where its file says how."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from coleta.adapters.alert_command import AlertCommand
from coleta.audit.alerts import Incident, Notice
from coleta.errors import Misconfigured
from coleta.runtime.alerting import SEND_TIMEOUT, Alerting
from coleta.runtime.events import Event
from coleta.settings import Project

Tell = Callable[[Event], None]


@contextmanager
def alerting(project: Project, tell: Tell, now: Callable[[], datetime]) -> Iterator[Tell]:
    """What events are to be told to, until the end of the ``with`` block, so that people hear of trouble."""
    if not project.alert_command:
        yield tell
        return
    alerts = AlertCommand(project.alert_command, folder=project.root)
    between = Alerting(alerts, tell, now, of=(project.name, socket.gethostname()))
    between.start()
    try:
        yield between.tell
    finally:
        between.close()


def send_test(project: Project, at: datetime, *, timeout: timedelta = SEND_TIMEOUT) -> None:
    """Send a notice that says that it is a test.

    Raises:
        Misconfigured: the project file names no command, or it failed.

    """
    where = str(project.document.path)
    if not project.alert_command:
        hint = 'write [alerts] with command = ["notify", "--urgent"], a program of your own'
        raise Misconfigured("nobody is told of trouble: there is no alerts.command", where=where, hint=hint)
    incident = Incident("", "stopped", "opened", "a test: nothing is wrong", at, at, 1)
    notice = Notice(project.name, socket.gethostname(), at, (incident,), test=True)
    why = AlertCommand(project.alert_command, folder=project.root).send(notice, timeout=timeout)
    if why is not None:
        hint = "run it by hand with some JSON on its standard input, and see what it says"
        raise Misconfigured(f"alerts.command: {why}", where=where, hint=hint)
