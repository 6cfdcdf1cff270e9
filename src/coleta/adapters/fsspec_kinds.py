"""Which of fsspec's filesystems a URL asks for, and what is missing where it is not there. Nothing is connected."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from coleta.errors import Misconfigured


def kind_of(protocol: str, url: str) -> Any:  # noqa: ANN401  # a class, of fsspec or of another package
    """The class of the filesystem for `protocol`, which the store's `url` names.

    Raises:
        Misconfigured: there is none, or what it needs is not installed.

    """
    if find_spec("fsspec") is None:
        what = "fsspec is not installed, and fsspec+…:// needs it"
        raise Misconfigured(what, where=url, hint="pip install 'coleta[fsspec]'")
    from fsspec.registry import get_filesystem_class, known_implementations

    try:
        return get_filesystem_class(protocol)
    except ValueError:
        what = f"fsspec knows no filesystem {protocol!r}"
        raise Misconfigured(
            what, where=url, hint="is it written right, and the package that brings it installed?"
        ) from None
    except ImportError:
        needs = known_implementations.get(protocol, {}).get("err") or f"install what fsspec's {protocol} needs"
        raise Misconfigured(f"what fsspec's {protocol} needs is not installed", where=url, hint=needs) from None
