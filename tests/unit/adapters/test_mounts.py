from __future__ import annotations

from pathlib import Path

import pytest

from coleta.adapters.mounts import file_system, refuse_tmpfs
from coleta.errors import Misconfigured

MOUNTS = r"""
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
23 22 0:5 / /run rw,nosuid - tmpfs tmpfs rw,size=1024k
24 22 0:6 / /srv/team\040data rw shared:1 - nfs4 server:/data rw
25 22 0:7 / /mnt/bucket rw - fuse.s3fs s3fs rw
26 22 0:8 / /mnt/usb rw - fuseblk /dev/sdb1 rw
27 22 8:2 / /run/disk rw - xfs /dev/sdc rw
28 22 8:3 / /over rw - tmpfs tmpfs rw
29 22 8:3 / /over rw - btrfs /dev/sdd rw
rubbish
"""


@pytest.fixture
def mountinfo(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/none/spool", "ext4"),
        ("/run/spool", "tmpfs"),
        ("/running", "ext4"),
        ("/run/disk/spool", "xfs"),
        ("/srv/team data/spool", "nfs4"),
        ("/mnt/usb", "fuseblk"),
        ("/over/spool", "btrfs"),
    ],
)
def test_a_folder_lies_on_the_innermost_and_last_mount(mountinfo: Path, folder: str, kind: str) -> None:
    assert file_system(Path(folder), mountinfo=mountinfo) == kind


def test_a_spool_in_memory_is_refused_unless_allowed(mountinfo: Path) -> None:
    with pytest.raises(Misconfigured, match="tmpfs") as caught:
        refuse_tmpfs(Path("/run/spool"), mountinfo=mountinfo)
    assert caught.value.hint

    assert "power loss" in (refuse_tmpfs(Path("/run/spool"), allowed=True, mountinfo=mountinfo) or "")


@pytest.mark.parametrize(("folder", "kind"), [("/srv/team data/spool", "nfs4"), ("/mnt/bucket/spool", "fuse.s3fs")])
def test_a_spool_over_a_network_is_warned_about(mountinfo: Path, folder: str, kind: str) -> None:
    assert kind in (refuse_tmpfs(Path(folder), mountinfo=mountinfo) or "")


@pytest.mark.parametrize("folder", ["/spool", "/mnt/usb/spool", "/run/disk"])
def test_a_spool_on_a_local_disk_is_fine(mountinfo: Path, folder: str) -> None:
    assert refuse_tmpfs(Path(folder), mountinfo=mountinfo) is None


def test_where_mounts_cannot_be_read_nothing_is_said(tmp_path: Path) -> None:
    assert refuse_tmpfs(Path("/run/spool"), mountinfo=tmp_path / "none") is None
