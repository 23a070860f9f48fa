# SPDX-License-Identifier: EUPL-1.2
"""Process groups of nodes that tests kill."""
import pathlib
import select
import time


def alive(group):
    """Processes of the group that are more than an entry in the table."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
            except OSError:
                continue  # it went meanwhile
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found


def wait_gone(group, limit_s=60):
    """Until every process of a killed group has let go of its ports and locks: the roles die after super on a busy machine."""
    end = time.monotonic() + limit_s
    while alive(group):
        assert time.monotonic() < end, f"processes of group {group} do not die"
        select.select([], [], [], 0.01)
