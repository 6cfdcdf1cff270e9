from __future__ import annotations

import csv
import subprocess
import sys
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from coleta.demo_api import products
from coleta.demo_api.products import Product

SHIPPED = files("coleta.demo_api").joinpath("products.csv").read_bytes()
ROWS = list(csv.DictReader(SHIPPED.decode().splitlines()))


def check_digit(first_twelve: str) -> int:
    threefold = sum(int(digit) for digit in first_twelve[1::2])
    single = sum(int(digit) for digit in first_twelve[0::2])
    return -(single + 3 * threefold) % 10


def test_the_shipped_file_has_the_tutorials_header_and_200_rows() -> None:
    assert SHIPPED.startswith(b"Product Name,EAN,Price\n")
    assert len(ROWS) == 200


def test_every_kind_of_product_is_on_the_shelf_and_no_other() -> None:
    assert {row["Product Name"] for row in ROWS} == {
        "smartphone",
        "tablet",
        "notebook",
        "smartwatch",
        "câmera",
        "fones de ouvido",
        "TV",
        "console de videogame",
        "impressora",
    }


def test_eans_are_unique_valid_and_keep_their_digits_as_integers() -> None:
    eans = [row["EAN"] for row in ROWS]

    assert len(set(eans)) == 200
    for ean in eans:
        assert len(str(int(ean))) == 13
        assert int(ean[-1]) == check_digit(ean[:-1])


def test_prices_lie_between_1_and_100_with_two_decimals() -> None:
    for row in ROWS:
        assert 1 <= Decimal(row["Price"]) <= 100
        assert len(row["Price"].split(".")[1]) == 2


def test_generating_with_the_default_seed_gives_the_shipped_file_byte_for_byte(tmp_path: Path) -> None:
    products.main(["--out", str(tmp_path / "again.csv")])

    assert (tmp_path / "again.csv").read_bytes() == SHIPPED


def test_another_seed_gives_another_file_of_the_length_asked_for(tmp_path: Path) -> None:
    products.main(["--seed", "12", "--rows", "5", "--out", str(tmp_path / "other.csv")])

    rows = (tmp_path / "other.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 5
    assert rows[1:] != SHIPPED.decode().splitlines()[1:6]


@pytest.mark.parametrize("rows", ["0", "-1", "100001", "many"])
def test_a_wrong_number_of_rows_is_a_usage_error(rows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        products.main(["--rows", rows, "--out", str(tmp_path / "never.csv")])

    assert end.value.code == 2
    assert "--rows" in capsys.readouterr().err
    assert not (tmp_path / "never.csv").exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        products.main(["--rows", "1", "--out", str(tmp_path / "nowhere" / "p.csv")])

    assert end.value.code == 74
    assert str(tmp_path / "nowhere" / "p.csv") in capsys.readouterr().err


def test_the_generator_runs_as_a_module(tmp_path: Path) -> None:
    out = str(tmp_path / "p.csv")
    command = [sys.executable, "-m", "coleta.demo_api.products", "--seed", "3", "--rows", "2", "--out", out]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len((tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()) == 3


def test_reading_the_shelf_gives_every_row_in_order() -> None:
    shelf = products.load()

    assert [(p.name, str(p.ean), f"{p.price_cents / 100:.2f}") for p in shelf] == [
        (row["Product Name"], row["EAN"], row["Price"]) for row in ROWS
    ]


@pytest.mark.parametrize(
    ("price_cents", "sale_price"), [(100, 1.2), (101, 1.21), (103, 1.24), (4505, 54.06), (5070, 60.84), (10_000, 120.0)]
)
def test_the_sale_price_is_the_price_times_1_2_rounded_to_cents(price_cents: int, sale_price: float) -> None:
    assert Product("TV", 7900000000000, price_cents).sale_price == sale_price


def test_the_sale_price_of_every_possible_price_is_the_nearest_cent() -> None:
    for cents in range(100, 10_001):
        exact = Decimal(cents) / 100 * Decimal("1.2")
        assert Product("TV", 7900000000000, cents).sale_price == float(round(exact, 2))
