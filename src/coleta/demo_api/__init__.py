"""The tutorial's purchases API, with faults on request. Not needed in production.

``uvicorn coleta.demo_api:app`` serves it with the default settings; ``coleta mock`` has the switches.
Needs the extra ``demo``; importing this package alone loads neither FastAPI nor Faker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["app"]

app: FastAPI


def __getattr__(name: str) -> FastAPI:
    # Made on first use: `python -m coleta.demo_api.products` and `serving` import this package too, and
    # neither must pay for an application, nor fail where the extra is missing, before they can say so.
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from coleta.demo_api.api import make_app
    from coleta.demo_api.settings import Settings

    globals()["app"] = application = make_app(Settings())
    return application
