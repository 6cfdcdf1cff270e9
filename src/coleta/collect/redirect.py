"""Stage 1, step 3: where a redirect leads, if it may be followed. Pure.

Followed is only what stays with the very server that was asked: same scheme, host and port. Whatever a request
brings with it (a key in a header of any name) then reaches nobody else, and never goes over a line without TLS.
"""

from __future__ import annotations

from urllib.parse import urljoin

from coleta.collect.link import origin
from coleta.collect.request import Request
from coleta.collect.response import Response

MOST_HOPS = 5
"""Redirects that one request may follow: APIs need one or two, and a loop needs any number."""

_STATUSES = frozenset({301, 302, 303, 307, 308})


def next_url(request: Request, came: Response) -> str | None:
    """The URL to be asked in place of that of `request`; None where `came` is to be taken as it is."""
    location = came.header("location")
    if request.redirects != "same_origin" or request.method not in ("GET", "HEAD"):
        return None
    if came.status not in _STATUSES or not location:
        return None
    try:
        # The part behind # never reaches a server.
        url = urljoin(request.url, location.strip()).partition("#")[0]
        same = origin(url) == origin(request.url)
    except ValueError:
        return None
    return url if same else None
