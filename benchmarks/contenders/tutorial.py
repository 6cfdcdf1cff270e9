"""The tutorial's own way: requests, a dict a record with its types checked, pandas, to_parquet.

python tutorial.py URL RECORDS FOLDER [TIMES]
"""

from __future__ import annotations

import sys
import time
from io import BytesIO
from pathlib import Path

import pandas as pd
import requests

SCHEMA = {"ean": int, "price": float, "store": int, "dateTime": str}


def get_data(url: str, records: int) -> list[dict[str, object]]:
    """All pages."""
    if records <= 10_000:
        return list(requests.get(f"{url}/{records}", timeout=60).json())
    found: list[dict[str, object]] = []
    number = 1
    while page := requests.get(f"{url}/{records}", params={"page": number}, timeout=60).json():
        found += page
        number += 1
    return found


def extract(response: list[dict[str, object]]) -> list[dict[str, object]]:
    """Each record's fields of the right type, None in place of others."""
    result = []
    for item in response:
        row: dict[str, object] = {}
        for key, kind in SCHEMA.items():
            value = item.get(key)
            row[key] = value if type(value) is kind else None
        result.append(row)
    return result


def main() -> None:
    """Land so many times."""
    url, records, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for time_ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 1):
        began = time.perf_counter()
        buffer = BytesIO()
        pd.DataFrame(extract(get_data(url, records))).to_parquet(buffer)
        (folder / f"compras-{time_}.parquet").write_bytes(buffer.getvalue())
        sys.stdout.write(f"{time.perf_counter() - began:.6f}\n")


if __name__ == "__main__":
    main()
