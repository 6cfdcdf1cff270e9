"""Settings: from ``coleta.toml``, ``.env`` and the environment to values that every stage can read.

In the order of the way: ``document`` (text and lines), ``model`` (the file's shape), ``reading``
(the file against its shape), ``rules`` (how values go together), ``stores``, ``streams`` and ``project``
(the values). ``mistakes``, ``units`` and ``addresses`` serve them all. Only here is pydantic imported.
"""

from coleta.settings.addresses import store_path
from coleta.settings.document import PROJECT_FILE
from coleta.settings.environment import load_environment
from coleta.settings.example import example_project
from coleta.settings.project import Project, define_project, elsewhere, load_project

__all__ = [
    "PROJECT_FILE",
    "Project",
    "define_project",
    "elsewhere",
    "example_project",
    "load_environment",
    "load_project",
    "store_path",
]
