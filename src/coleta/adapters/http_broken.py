"""The outside thing, HTTP: how its parts say that an exchange cannot be completed."""

from __future__ import annotations

from coleta.collect.response import Fault


class Broken(Exception):
    """The exchange cannot be completed: `fault`, and a `detail` that shows no secret."""

    def __init__(self, fault: Fault, detail: str) -> None:
        """Say what went wrong."""
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
