"""A part of a log: every commit and every file is in exactly one of them, always the same."""

from __future__ import annotations

import pytest

from coleta.audit.share import Share
from coleta.errors import WrongQuestion


@pytest.mark.parametrize("parts", [1, 2, 7, 10_000])
def test_all_parts_together_are_the_whole_and_no_two_have_the_same(parts: int) -> None:
    shares = [Share.of(f"{n}/{parts}") for n in range(1, parts + 1)]

    for seq in (1, 2, 7, 999, 1_000_000):
        assert sum(share.has_commit(seq) for share in shares) == 1
        assert sum(share.has_file(f"_superseded/{seq}.spool") for share in shares) == 1


def test_parts_are_of_about_one_size() -> None:
    assert sum(Share(3, 7).has_commit(seq) for seq in range(1, 701)) == 100
    assert 60 < sum(Share(3, 7).has_file(f"_superseded/{n}.spool") for n in range(700)) < 140


@pytest.mark.parametrize("text", ["", "1", "0/7", "8/7", "1/0", "1/10001", "-1/7", "a/b", "1/7/", " 1/7", "١/7"])
def test_what_is_no_part_of_a_whole_is_refused(text: str) -> None:
    with pytest.raises(WrongQuestion, match="no part of a whole"):
        Share.of(text)


def test_a_part_is_shown_as_it_was_asked_for() -> None:
    assert str(Share.of("2/7")) == "2/7"
