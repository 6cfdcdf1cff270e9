"""The locks hold everything that is installed, by digest, and say nothing of where it was found."""

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """Each package of a lock, with its version and the number of its digests."""
    text = (CHECKOUT / lock).read_text().replace("\\\n", " ")
    found = re.findall(r"^([a-z0-9.-]+)==([^ ;]+)(.*)$", text, flags=re.MULTILINE)
    return {name: (version, rest.count("--hash=sha256:")) for name, version, rest in found}


def asked_for(*, dev: bool) -> set[str]:
    """The packages that the project file names, for users or for tests too."""
    table = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    project, groups = table["project"], table["dependency-groups"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *extras["demo"], *extras["query"], *groups["build"]]
    named += groups["dev"] if dev else []
    return {re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in named}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_that_is_asked_for_is_locked(lock: str) -> None:
    assert asked_for(dev="dev" in lock) <= pins(lock).keys()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_its_digests(lock: str) -> None:
    assert [name for name, (_, digests) in pins(lock).items() if digests == 0] == []


def test_tests_run_on_the_versions_that_users_get() -> None:
    run, dev = (pins(lock) for lock in LOCKS)

    assert {name: dev.get(name) for name in run} == run


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_place(lock: str) -> None:
    lines = (CHECKOUT / lock).read_text().splitlines()

    assert [line for line in lines if line.startswith("-") or "://" in line or "file:" in line] == []
