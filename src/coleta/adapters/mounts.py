"""What kind of file system a folder lies on, and whether a spool may lie there.

A spool is what survives power loss: a file system in memory does not, and one over a network may
say that bytes are durable before they are.
"""

from __future__ import annotations

import re
from pathlib import Path

from coleta.errors import Misconfigured

MOUNTINFO = Path("/proc/self/mountinfo")

_IN_MEMORY = {"tmpfs", "ramfs"}
_OVER_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "beegfs", "gpfs"}
_ESCAPE = re.compile(r"\\([0-7]{3})")


def refuse_tmpfs(folder: Path, *, allowed: bool = False, mountinfo: Path = MOUNTINFO) -> str | None:
    """Refuse a spool `folder` in memory, unless `allowed`; what to warn about, or None.

    Where there is no `mountinfo` (proc(5)), as on macOS, nothing can be said.

    Raises:
        Misconfigured: what is accepted there would not survive a power loss.

    """
    kind = file_system(folder, mountinfo=mountinfo)
    if kind is None:
        return None
    if kind in _IN_MEMORY:
        if allowed:
            return f"the spool lies on {kind}: what is accepted there does not survive a power loss"
        raise Misconfigured(
            f"the spool lies on {kind}, in memory: what is accepted there would not survive a power loss",
            where=str(folder),
            hint="choose a folder on a disk",
        )
    if kind in _OVER_NETWORK or kind == "fuse" or kind.startswith("fuse."):
        return f"the spool lies on {kind}, a file system that may say too early that bytes are durable"
    return None


def file_system(folder: Path, *, mountinfo: Path = MOUNTINFO) -> str | None:
    """The type of the file system that `folder` lies on, or would; None where that cannot be told."""
    try:
        lines = mountinfo.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = folder.resolve()
    best: tuple[int, str | None] = (-1, None)
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = Path(_ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        depth = len(point.parts)
        # Of mounts on one another, the last line is the one that is seen.
        if place.is_relative_to(point) and depth >= best[0]:
            best = (depth, right.split(" ", 1)[0])
    return best[1]
