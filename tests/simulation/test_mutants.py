"""The simulator is worth something only if it finds a protocol that is broken on purpose."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("mutants", Path(__file__).with_name("mutants.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
mutants = importlib.util.module_from_spec(_SPEC)
sys.modules["mutants"] = mutants
_SPEC.loader.exec_module(mutants)


_QUICK = [mutant for mutant in mutants.MUTANTS if mutant.name not in mutants.SLOW]


@pytest.mark.parametrize("mutant", _QUICK, ids=lambda mutant: mutant.name)
def test_the_simulator_finds_the_breakage(mutant: object) -> None:
    assert mutants.hunt(mutant) is not None


def test_what_is_left_to_a_command_of_its_own_is_there() -> None:
    assert {mutant.name for mutant in mutants.MUTANTS} > mutants.SLOW
