"""``APICollector``: the tutorial's class, with its names, over the one pipeline.

``start`` is all that is needed: what it lands is spooled, checked, landed exactly once and accounted
for, as everything that Coleta collects. The tutorial's steps are there to look at one by one; nothing
is landed through them.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from coleta.contract.python import contract_table
from coleta.errors import Misconfigured, OverBudget
from coleta.library.answers import Result
from coleta.library.given import Contract
from coleta.library.project import Project
from coleta.library.s3_client import S3Client

if TYPE_CHECKING:
    import pyarrow as pa

BASE_URL = "http://127.0.0.1:8000"
"""Where the tutorial's API answers on one's own machine; ``coleta mock`` does too."""

PROJECT = "compras"

GenericSchema = dict[str, type]
"""What the tutorial calls the type of a schema: a field's name to its Python type. For annotations."""

CompraSchema: GenericSchema = {"ean": int, "price": float, "store": int, "dateTime": str}
"""The tutorial's contract of a purchase. A JSON integer is a valid float here; the tutorial made it null."""

Row = Mapping[str, object]

_log = logging.getLogger("coleta")


class APICollector:
    """Collects purchases from the tutorial's API into a bucket or a folder, one answer at each ``start``.

    `schema` is a contract: a dict, a dataclass or a Pydantic model. `aws` is an ``S3Client``, or the URL of a
    store such as ``file://./lake``, which needs no credentials. Records that break the contract go to the
    quarantine; with ``on_violation="null"`` their bad values become null, as in the tutorial. What is accepted
    waits in ``.coleta`` in `root` until it is landed, under ``api/<stream>`` in the store; with ``table="delta"`` and
    an ``S3Client`` where ``DELTA_LAKE_S3_PATH`` says. `spool` has the keys
    of the project file's ``[spool]``, and `more` are keys of its ``[stream.NAME]``: ``deadline="5s"``, ``headers=…``.
    """

    def __init__(
        self,
        schema: Contract,
        aws: S3Client | str,
        *,
        base_url: str = BASE_URL,
        on_violation: Literal["quarantine", "null", "reject"] = "quarantine",
        root: str | os.PathLike[str] = ".",
        stream: str = "compras",
        spool: Mapping[str, object] | None = None,
        **more: object,
    ) -> None:
        """Prepare; nothing is asked, and no folder is made.

        Raises:
            Misconfigured: the contract, the store or a name cannot be used.

        """
        self._schema = contract_table(schema)
        self._aws = aws
        self._base_url = base_url.rstrip("/")
        self._on_violation = on_violation
        self._root = Path(root)
        self._stream = stream
        self._spool = dict(spool or {})
        self._more = more
        self._terms = self._project(1).terms(stream)  # what is wrong is said now, not at the first start

    def start(self, param: int) -> Result:
        """Ask for `param` purchases and land them: one tick of this instant, on no schedule.

        True if they are landed, with ``received``, ``landed``, ``quarantined`` and the ``object`` that holds
        them. False if there is nothing to land (the API gave no answer, which is written down as a gap, or no
        record kept the contract) or the store did not take it yet: then the answer is safe in the spool, and the
        next ``start`` lands it. ``error`` says why, and so does the log ``coleta``, so a loop goes on.

        Raises:
            Busy: another process or thread is at it.
            Misconfigured, AuthRefused, SpoolRefused, Corrupt: a person must act; going on would not help.

        """
        result = self._project(param).settle(self._stream)
        error = result.error
        if error is not None and isinstance(error, Misconfigured):
            raise error
        if error is not None:
            _log.warning("%s tick %s: %s", result.stream, result.tick.isoformat(), error)
        return result

    def getData(self, param: int) -> list[object]:  # noqa: N802  # the tutorial's name
        """What the API answers to a request for `param` purchases: the records, as JSON says them.

        Raises:
            SourceUnavailable: no complete answer came.
            OverBudget: it is no array of records.

        """
        import msgspec

        body = self._project(param).ask(self._stream)
        try:
            return msgspec.json.decode(body, type=list[object])
        except msgspec.MsgspecError as error:
            raise OverBudget(f"the answer is not the data: {error}", where=self._url(param)) from None

    def extractData(self, response: Sequence[object]) -> list[Row]:  # noqa: N802  # the tutorial's name
        """The rows that `response`, a list of records, gives under the contract; what breaks it is left out, or null.

        Raises:
            OverBudget: the contract refuses the whole answer.

        """
        import msgspec

        from coleta.land.decode import NotRecords, decode

        rows: list[Row] = []
        try:
            for piece in decode([msgspec.json.encode(response)], self._terms):
                rows += piece.columns.to_pylist()
        except NotRecords as error:
            raise OverBudget(f"the answer is not the data: {error.why}") from None
        return rows

    def transformDf(self, response: Sequence[Row]) -> pa.Table:  # noqa: N802  # the tutorial's name
        """`response`, rows as ``extractData`` gives them, as an Arrow table; with pandas, ``.to_pandas()``."""
        import pyarrow as pa

        from coleta.land.columns import record_schema

        return pa.Table.from_pylist([dict(row) for row in response], schema=record_schema(self._terms))

    def convertToParquet(self, table: pa.Table) -> BytesIO:  # noqa: N802  # the tutorial's name
        """`table` as a Parquet file in memory. Without an account of where it came from: only ``start`` writes that."""
        import pyarrow.parquet as pq

        buffer = BytesIO()
        pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
        buffer.seek(0)
        return buffer

    def fileName(self) -> str:  # noqa: N802  # the tutorial's name
        """The key, in the store, of the newest object with rows; names are the log's to give, not the clock's.

        Raises:
            Misconfigured: nothing was landed yet (``NeverStarted`` before the first ``start``).
            StoreUnavailable: the store does not answer.

        """
        names = self._project(1).table(self._stream).objects
        if not names:
            raise Misconfigured("nothing was landed yet", hint="start(50) lands something")
        return f"{self._path()}/{names[-1]}"

    def _url(self, param: int) -> str:
        return f"{self._base_url}/gerar_compras/{param}" if param > 1 else f"{self._base_url}/gerar_compra"

    def _path(self) -> str:
        """Where the stream lies in the store: a Delta table lies where ``DELTA_LAKE_S3_PATH`` says."""
        aws = self._aws
        if self._more.get("table") != "delta" or not isinstance(aws, S3Client):
            return f"api/{self._stream}"
        written = aws.delta_lake_s3_path
        bucket, _, key = re.sub(r"^s3[an]?://", "", written).partition("/") if "://" in written else ("", "", written)
        if bucket not in ("", aws.bucket_name) or not key.strip("/"):
            raise Misconfigured(
                f"DELTA_LAKE_S3_PATH is no place below the bucket {aws.bucket_name!r}",
                hint=f"write it such as {aws.url}/delta/compras, or delta/compras",
            )
        return key.strip("/")

    def _project(self, param: int) -> Project:
        aws = self._aws
        store: dict[str, object] = {"url": aws}
        if isinstance(aws, S3Client):
            store = {"url": aws.url, "region": aws.region}
        stream = {
            "url": self._url(param),
            "path": self._path(),
            # The tutorial's pace, for a project file that goes on with the same log. What `start` asks for is
            # on demand: it neither needs a schedule nor settles any of its ticks.
            "every": "1m",
            "contract": self._schema,
            "on_violation": self._on_violation,
            # The tutorial lands whatever is good; how much was not is in the result.
            "budget": 1.0,
            **self._more,
        }
        return Project.define(
            PROJECT,
            root=self._root,
            environment=aws.variables if isinstance(aws, S3Client) else None,
            store={"lake": store},
            stream={self._stream: stream},
            spool=self._spool,
        )
