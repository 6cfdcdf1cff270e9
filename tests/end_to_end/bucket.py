"""A project that lands in a bucket of a real S3, and a copy of that bucket for those who read files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.end_to_end.program import Project
from tests.s3.service import LANDER, S3Service

from coleta.adapters.object_store import CloudStore
from coleta.demo_api.seaweedfs import Login
from coleta.stream import Store


@dataclass(eq=False, slots=True)
class BucketProject(Project):
    """A project whose store is ``url``, reached at ``s3``; ``lake`` is where ``mirror`` copies it to."""

    s3: S3Service = field(kw_only=True)
    url: str = field(kw_only=True)
    direct: CloudStore = field(init=False)

    def __post_init__(self) -> None:
        Project.__post_init__(self)
        file = self.folder / "coleta.toml"
        text = file.read_text(encoding="utf-8").replace(f"file://{self.lake}", self.url)
        file.write_text(text, encoding="utf-8")
        self.log_in(LANDER)
        self.direct = self.s3.store(Store(self.url))

    def log_in(self, login: Login, **variables: str) -> None:
        """Write the variables of `login` into ``.env``."""
        found = {**self.s3.environment(login), **variables}
        text = "".join(f"{name}={value}\n" for name, value in found.items())
        (self.folder / ".env").write_text(text, encoding="utf-8")

    def objects(self, stream: str = "s") -> int:
        """How many data objects lie in the bucket."""
        return len(list(self.direct.names(f"{stream}/data/")))

    def mirror(self) -> Path:
        """Copy the whole store into the lake's folder, for those who read files."""
        for name in self.direct.names(""):
            body = self.direct.read(name)
            assert body is not None
            file = self.lake / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        return self.lake
