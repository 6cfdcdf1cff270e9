"""Without pyiceberg, which `make dev` installs, there is nothing here to collect."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("pyiceberg") else ["*.py"]
