"""What DuckDB reads of a Delta table: runs in `.venv-delta`, since its extension comes with a package.

Takes the table's place, and on stdin a JSON array of SQL, in which `t` is the table; gives their rows as JSON.
"""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_extension_delta

(extension,) = Path(duckdb_extension_delta.__file__).parent.rglob("*.duckdb_extension")
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
connection.execute(f"LOAD '{extension}'")
connection.execute(f"CREATE VIEW t AS SELECT * FROM delta_scan('{sys.argv[1]}')")
found = [connection.execute(sql).fetchall() for sql in json.load(sys.stdin)]
json.dump(found, sys.stdout, default=str)
