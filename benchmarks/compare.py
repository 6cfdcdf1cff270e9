"""Is what a contender landed what the API gave? In a process of its own, so that it adds to nobody's memory.

python compare.py CONTENDER FOLDER RECORDS
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

sys.path.insert(0, str(Path(__file__).resolve().parent))
from api import purchase

COLUMNS = ("ean", "price", "store", "dateTime")
WHERE = {"coleta": "lake/compras/data", "tutorial": "", "dlt": "lake/bench/compras"}


def landed(contender: str, folder: Path) -> pa.Table:
    """All rows that lie there."""
    files = sorted(map(str, (folder / WHERE[contender]).rglob("*.parquet")))
    return ds.dataset(files, format="parquet").to_table()


def compare(table: pa.Table, records: int, name: str) -> None:
    """Compare `table` with what the API gave, value by value."""
    names = {column.lower().replace("_", ""): column for column in table.column_names}
    rows = table.select([names[column.lower()] for column in COLUMNS]).rename_columns(list(COLUMNS)).sort_by("ean")
    if rows.num_rows != records:
        raise SystemExit(f"{name} landed {rows.num_rows} rows of {records}")
    wanted = [purchase(number) for number in range(records)]
    for column in COLUMNS:
        if rows[column].to_pylist() != [one[column] for one in wanted]:
            raise SystemExit(f"{name} changed values of {column}")


def main() -> None:
    """Compare, and end with 1 at the first difference."""
    contender, folder, records = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    compare(landed(contender, folder), records, contender)


if __name__ == "__main__":
    main()
