"""The shop's shelf: the shipped ``products.csv``, how it is read, and how it was made.

``python -m coleta.demo_api.products --out FILE`` writes it again, byte for byte. Reading needs no Faker.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

HEADER = ("Product Name", "EAN", "Price")
KINDS = (
    "smartphone",
    "tablet",
    "notebook",
    "smartwatch",
    "câmera",
    "fones de ouvido",
    "TV",
    "console de videogame",
    "impressora",
)
# GS1's prefixes for Brazil. No leading zero, so an EAN keeps its 13 digits as an integer.
EAN_PREFIXES = ("789", "790")
DEFAULT_SEED = 11
DEFAULT_ROWS = 200
MAX_ROWS = 100_000  # far from the 2 * 10**9 EANs that the two prefixes leave, so the search for a new one is short


@dataclass(frozen=True, slots=True)
class Product:
    """One row: ``price_cents`` is what the product costs the shop, in hundredths."""

    name: str
    ean: int
    price_cents: int

    @property
    def sale_price(self) -> float:
        """The price × 1.2, rounded to 2 decimals: in whole cents, since 1.2 is not a binary fraction."""
        return (self.price_cents * 12 + 5) // 10 / 100


def load() -> tuple[Product, ...]:
    """Every product of the shipped file, in its order."""
    text = files("coleta.demo_api").joinpath("products.csv").read_text(encoding="utf-8")
    return tuple(
        Product(name=row[HEADER[0]], ean=int(row[HEADER[1]]), price_cents=int(Decimal(row[HEADER[2]]) * 100))
        for row in csv.DictReader(io.StringIO(text))
    )


def generate(*, seed: int, rows: int) -> str:
    """A file of ``rows`` products with unique EANs, the same for the same seed. Needs Faker."""
    from faker import Faker

    fake = Faker("pt_BR")
    fake.seed_instance(seed)
    taken: set[str] = set()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    while len(taken) < rows:
        name, ean, cents = fake.random_element(KINDS), fake.ean13(prefixes=EAN_PREFIXES), fake.random_int(100, 10_000)
        if ean not in taken:
            taken.add(ean)
            writer.writerow((name, ean, f"{cents // 100}.{cents % 100:02}"))
    return out.getvalue()


def main(argv: Sequence[str] | None = None) -> None:
    """Write a products file, from the command line."""
    parser = argparse.ArgumentParser(prog="python -m coleta.demo_api.products", description="Write a products file.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="same seed, same file (%(default)s)")
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="how many products (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    options = parser.parse_args(argv)
    if not 1 <= options.rows <= MAX_ROWS:
        parser.error(f"--rows must lie between 1 and {MAX_ROWS}, not {options.rows}")
    try:
        options.out.write_bytes(generate(seed=options.seed, rows=options.rows).encode())
    except OSError as error:
        parser.exit(74, f"{options.out}: cannot be written: {error.strerror}\n")


if __name__ == "__main__":
    main()
