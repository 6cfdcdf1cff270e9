"""The Python surface: projects as objects, and the tutorial's parts by their names. Nothing inside imports it.

``from coleta import Project`` gives the same as ``from coleta.library import Project``.
"""

from coleta.ask.plan import Forecast, Needs
from coleta.ask.quarantine import Rejected
from coleta.ask.table import Table
from coleta.ask.trace import Trace
from coleta.contract.python import contract_from
from coleta.library.answers import Audit, Result, Status, Tick
from coleta.library.collector import APICollector, CompraSchema, GenericSchema
from coleta.library.project import Project
from coleta.library.retrying import retry
from coleta.library.s3_client import S3Client

__all__ = [
    "APICollector",
    "Audit",
    "CompraSchema",
    "Forecast",
    "GenericSchema",
    "Needs",
    "Project",
    "Rejected",
    "Result",
    "S3Client",
    "Status",
    "Table",
    "Tick",
    "Trace",
    "contract_from",
    "retry",
]
