"""Stage 1, step 3: links that an answer gives, to its next page (RFC 8288). Pure.

A link is asked only where it stays with the very server that was asked: same scheme, host and port. Whatever a
request brings with it (a key in a header of any name) then reaches nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit, urlunsplit

LONGEST = 8_000
"""More characters than any URL has that servers take; what names a page is kept until the answer's end."""

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)\s*(?:,|$)')
_PARAMETER = re.compile(r';\s*([^\s=;,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))')
_PORTS = {"http": 80, "https": 443}


class NotToBeAsked(ValueError):
    """A link that is not followed, and why."""


def linked(values: Iterable[str], rel: str) -> str | None:
    """The first target of relation `rel` in the ``Link`` headers `values`."""
    for value in values:
        for found in _LINK.finditer(value):
            relations = next((one for one in _PARAMETER.finditer(found[2]) if one[1].lower() == "rel"), None)
            # Of several rel parameters of one link only the first counts (RFC 8288, 3.3).
            if relations and rel.lower() in (relations[2] or relations[3] or "").lower().split():
                return found[1]
    return None


def next_page_url(asked: str, link: str) -> str:
    """The URL that `link`, which came with the page at `asked`, leads to.

    Raises:
        NotToBeAsked: it is no URL, or leads to another server.

    """
    try:
        parts, ours = urlsplit(urljoin(asked, link.strip())), urlsplit(asked)
        there, here = origin(parts.geturl()), origin(asked)
    except ValueError:
        raise NotToBeAsked("the link to the next page is no URL") from None
    # Behind a proxy that ends TLS an API may not know that it was asked by https. It is asked by https all the same.
    plain = here[0] == "https" and there[0] == "http" and parts.port in (None, 80) and here[2] == 443
    if there != here and not (plain and there[1] == here[1]):
        raise NotToBeAsked(f"the link to the next page leads to another server, {there[0]}://{there[1]}")
    # Made of the server that was asked, so that no reader of URLs can take it for another one.
    url = urlunsplit((ours.scheme, ours.netloc, parts.path or "/", parts.query, ""))
    if len(url) > LONGEST:
        raise NotToBeAsked(f"the link to the next page has more than {LONGEST} characters")
    return url


def origin(url: str) -> tuple[str, str | None, int | None]:
    """The scheme, the host and the port of `url`.

    Raises:
        ValueError: it is no URL, or has credentials in it.

    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("credentials in a URL")
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
