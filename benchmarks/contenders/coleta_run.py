"""Coleta: `coleta run` is timed as it is; this is only for many answers from one warm process.

python coleta_run.py PROJECT TIMES
"""

from __future__ import annotations

import sys
import time

from coleta import Project

project = Project.load(sys.argv[1])
project.run("compras")
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    project.run("compras")
    sys.stdout.write(f"{time.perf_counter() - began:.6f}\n")
