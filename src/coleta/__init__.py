"""Coleta collects records from HTTP APIs, checks each against a contract, and lands it exactly once.

The Python surface is loaded on first use, since ``import coleta`` alone must cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = ["APICollector", "CompraSchema", "GenericSchema", "Project", "S3Client", "retry"]

if TYPE_CHECKING:
    from coleta.library import APICollector, CompraSchema, GenericSchema, Project, S3Client, retry
else:
    # Not for type checkers, which would then believe in any name.
    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(import_module("coleta.library"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
