"""One change in a project file: exactly that, and every other byte as it was."""

from __future__ import annotations

import tomllib

import pytest

from coleta.errors import Misconfigured
from coleta.settings.edit import renamed, with_keys, with_table

FILE = """\
# what the shop sells
version = 1
project = "shop"   # never changed

[store.lake]
url = "file://./lake"

[stream.sales]     # [stream.sales]
url = "http://api.test/sales"  # asked each minute
every = "1m"

[stream.sales.contract]
ean = "int"

[stream.stock]
path = "stock/now"   # where it lies
url = "http://api.test/stream.sales"
every = '1m'
contract = { stream = "int", sales = "int" }
"""
SALES = ("stream", "sales")
STOCK = ("stream", "stock")


def lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that are only in the one, and only in the other."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_a_table_gets_its_new_name_with_all_that_is_in_it_and_nothing_else_changes() -> None:
    assert lines(FILE, renamed(FILE, SALES, "sold")) == (
        ["[stream.sales]     # [stream.sales]", "[stream.sales.contract]"],
        ["[stream.sold]     # [stream.sales]", "[stream.sold.contract]"],
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[stream."sales"]\nurl = "x"\n', '[stream.sold]\nurl = "x"\n'),
        ('[ stream . sales ]\r\nurl = "x"\r\n', '[ stream . sold ]\r\nurl = "x"\r\n'),
        ('stream.sales.url = "x"\nstream.sales.every = "1m"\n', 'stream.sold.url = "x"\nstream.sold.every = "1m"\n'),
        ('[stream]\nsales.url = "sales"\nb.url = "y"\n', '[stream]\nsold.url = "sales"\nb.url = "y"\n'),
        ('[stream]\nsales = { url = "sales" }\n', '[stream]\nsold = { url = "sales" }\n'),
        (
            'a = """\n[stream.sales]\n"""\n[stream.sales]\nb = 1\n',
            'a = """\n[stream.sales]\n"""\n[stream.sold]\nb = 1\n',
        ),
        ("\ufeffversion = 1\n[stream.sales]\n[store.a]\n", "\ufeffversion = 1\n[stream.sold]\n[store.a]\n"),
    ],
)
def test_a_table_is_renamed_however_it_is_written(before: str, after: str) -> None:
    assert renamed(before, SALES, "sold") == after


def test_the_order_of_the_streams_stays() -> None:
    assert list(tomllib.loads(renamed(FILE, SALES, "zzz"))["stream"]) == ["zzz", "stock"]


def test_what_cannot_be_changed_safely_is_left_alone_and_the_error_says_what_to_write() -> None:
    with pytest.raises(Misconfigured, match="nothing was changed") as told:
        renamed('stream = { sales = { url = "x" } }\n', SALES, "sold")
    assert told.value.hint == "do it by hand: rename the table stream.sales to stream.sold"

    with pytest.raises(Misconfigured, match="nothing was changed") as told:
        with_keys('stream.sales.url = "x"\n', SALES, {"path": "sales"})
    assert told.value.hint == 'do it by hand: in the table stream.sales write path = "sales"'


def test_a_key_that_is_there_gets_its_value_and_keeps_its_comment() -> None:
    assert lines(FILE, with_keys(FILE, STOCK, {"path": "stock"})) == (
        ['path = "stock/now"   # where it lies'],
        ['path = "stock"   # where it lies'],
    )


def test_a_key_that_is_missing_comes_below_its_header_as_its_neighbours_stand() -> None:
    text = '[stream.sales]\r\n  url = "x"\r\n'

    assert with_keys(text, SALES, {"path": 'a"b'}) == '[stream.sales]\r\n  path = "a\\"b"\r\n  url = "x"\r\n'
    assert with_keys("[stream.sales]", SALES, {"path": "a"}) == '[stream.sales]\npath = "a"\n'


def test_a_key_is_taken_out_and_one_that_has_its_value_changes_nothing() -> None:
    assert lines(FILE, with_keys(FILE, STOCK, {"path": None})) == (['path = "stock/now"   # where it lies'], [])
    assert with_keys(FILE, STOCK, {"path": "stock/now", "was": None}) == FILE


def test_a_table_is_added_at_the_end_and_never_over_another() -> None:
    added = '\n[store.new]\nurl = "s3://b/p"\n'

    assert with_table(FILE, ("store", "new"), {"url": "s3://b/p"}) == FILE + added
    with pytest.raises(Misconfigured):
        with_table(FILE, ("store", "lake"), {"url": "s3://b/p"})
