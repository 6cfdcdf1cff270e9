"""dlt's REST source into the filesystem destination as Parquet, as its documentation shows it.

python dlt_rest.py URL RECORDS FOLDER [TIMES]
"""

from __future__ import annotations

import os
import sys
import time

url, records, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
times = int(sys.argv[4]) if len(sys.argv) > 4 else 1

os.environ.update(
    RUNTIME__DLTHUB_TELEMETRY="false",
    RUNTIME__LOG_LEVEL="ERROR",
    DESTINATION__FILESYSTEM__BUCKET_URL=f"file://{folder}/lake",
    NORMALIZE__LOADER_FILE_FORMAT="parquet",
)

import dlt  # noqa: E402 - its settings are read at import
from dlt.sources.rest_api import rest_api_source  # noqa: E402


def source() -> object:
    """The endpoint; its pages end with an empty one."""
    paginator = {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": None}
    one = {"type": "single_page"}
    return rest_api_source(
        {
            "client": {"base_url": url},
            "resources": [
                {
                    "name": "compras",
                    "columns": {
                        "ean": {"data_type": "bigint"},
                        "price": {"data_type": "double"},
                        "store": {"data_type": "bigint"},
                        "dateTime": {"data_type": "text"},
                    },
                    # As the others do: four columns are kept.
                    "processing_steps": [{"map": keep}],
                    "endpoint": {"path": str(records), "paginator": paginator if records > 10_000 else one},
                }
            ],
        }
    )


def keep(record: dict[str, object]) -> dict[str, object]:
    """The four columns of the tutorial's contract."""
    return {name: record[name] for name in ("ean", "price", "store", "dateTime")}


pipeline = dlt.pipeline("bench", destination="filesystem", dataset_name="bench", pipelines_dir=f"{folder}/state")
for _ in range(times):
    began = time.perf_counter()
    pipeline.run(source(), loader_file_format="parquet")
    sys.stdout.write(f"{time.perf_counter() - began:.6f}\n")
