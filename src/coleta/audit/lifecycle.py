"""Stage 3: which lifecycle rules of a bucket would take objects of a log away. Pure: what the store says goes in.

Such a rule sees ages and names, never the log: an object that it deletes, or moves to where it cannot be read, is a
hole in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from coleta.errors import Corrupt

_UNREADABLE = {"GLACIER", "DEEP_ARCHIVE"}
"""Classes from which an object must be restored before it can be read."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is in force and does harm: its name, the names that it is for, and what it does to them."""

    name: str
    prefix: str
    does: str

    def reaches(self, beginning: str) -> bool:
        """Whether it is for some of the names that begin with `beginning`."""
        return beginning.startswith(self.prefix) or self.prefix.startswith(beginning)

    def __str__(self) -> str:
        return f"the rule {self.name!r} {self.does} what begins with {self.prefix!r}"


def harmful_rules(stored: bytes) -> list[Rule]:
    """The rules in `stored`, a bucket's lifecycle configuration, that delete objects or make them unreadable.

    One that is for objects with certain tags is left out, since ours have none; so are old versions, and uploads in
    parts that were never ended.

    Raises:
        Corrupt: it is no such configuration.

    """
    try:
        top = ElementTree.fromstring(stored)
    except ElementTree.ParseError as error:
        raise Corrupt(f"the bucket's lifecycle rules cannot be read: {error}") from None
    found: list[Rule] = []
    for rule in (one for one in top if _name(one) == "Rule"):
        if _text(rule, "Status") != "Enabled" or any(_name(one) == "Tag" for one in rule.iter()):
            continue
        does = " and ".join(_harm(rule))
        if does:
            prefix = next((one.text or "" for one in rule.iter() if _name(one) == "Prefix"), "")
            found.append(Rule(_text(rule, "ID") or "without a name", prefix, does))
    return found


def _harm(rule: ElementTree.Element) -> Iterator[str]:
    for action in rule:
        if _name(action) == "Expiration" and (_text(action, "Days") or _text(action, "Date")):
            yield "deletes"
        if _name(action) == "Transition" and _text(action, "StorageClass") in _UNREADABLE:
            yield f"moves to {_text(action, 'StorageClass')}"


def _name(element: ElementTree.Element) -> str:
    # Services differ in whether they give names of AWS's namespace.
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str | None:
    return next((one.text for one in element if _name(one) == name), None)
