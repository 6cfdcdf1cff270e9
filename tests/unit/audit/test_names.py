"""Which names were met, known by eight bytes each."""

from __future__ import annotations

from coleta.audit.names import Listed, Once


def test_a_listing_tells_which_of_its_names_were_never_met() -> None:
    names = [f"data/{n}" for n in range(1_000)]
    listed = Listed(names)

    assert all(listed.meet(name) for name in names[10:])
    assert not listed.meet("data/none")
    assert listed.unmet == 10
    assert list(listed.strangers([*names, "data/later"])) == names[:10]
    assert list(Listed([]).strangers(names)) == []


def test_texts_that_come_twice_are_found_with_all_their_commits() -> None:
    once = Once()
    for seq in range(1_000):
        once.add(f"answer {seq}", seq)
    assert list(once.repeated()) == []

    once.add("answer 7", 1_001)
    once.add("answer 7", 1_002)

    assert list(once.repeated()) == [(7, 1_001, 1_002)]
    assert once.first(["answer 7", "none"]) == {"answer 7": 7}
