"""The port ``Alerts`` in memory: what a person would have heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from coleta.audit.alerts import Notice


@dataclass(eq=False)
class MemoryAlerts:
    """Keeps each notice in ``sent``; while ``broken`` says why, none goes out."""

    sent: list[Notice] = field(default_factory=list)
    broken: str | None = None

    def send(self, notice: Notice, *, timeout: timedelta) -> str | None:
        """See ``Alerts``."""
        if self.broken is None:
            self.sent.append(notice)
        return self.broken

    def close(self) -> None:
        """See ``Alerts``."""
