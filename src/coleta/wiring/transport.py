"""How a project's requests go out: over HTTP, and with tokens where streams want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from coleta.adapters.http import HttpTransport
from coleta.adapters.keepsakes import DiskKeepsakes
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.runtime.hosts import Hosts
from coleta.runtime.tokens import AuthorizedTransport, Means
from coleta.settings import Project

TOKENS = "_tokens"
"""Where the spool keeps refresh tokens: no stream has a name that begins so."""


def transport_of(project: Project, environment: Mapping[str, str], now: Callable[[], datetime]) -> AuthorizedTransport:
    """The transport of one process; secrets are found in `environment`, or in files beside the project's."""
    reveal = EnvironmentSecrets(environment, folder=project.root)
    http = HttpTransport(secrets=reveal, now=now)
    means = Means(http, now, reveal, Hosts(), DiskKeepsakes(project.spool / TOKENS))
    return AuthorizedTransport(means, close=http.close)
