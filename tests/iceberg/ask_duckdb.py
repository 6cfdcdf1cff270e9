"""What DuckDB reads of an Iceberg table: runs in `.venv-delta`, since its extensions come with packages.

Takes the newest file of the table's metadata, and on stdin a JSON array of SQL, in which `t` is the table; gives their
rows as JSON.
"""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg

connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
for package in (duckdb_extension_avro, duckdb_extension_iceberg):
    (extension,) = Path(package.__file__).parent.rglob("*.duckdb_extension")
    connection.execute(f"LOAD '{extension}'")
connection.execute(f"CREATE VIEW t AS SELECT * FROM iceberg_scan('{sys.argv[1]}')")
found = [connection.execute(sql).fetchall() for sql in json.load(sys.stdin)]
json.dump(found, sys.stdout, default=str)
