"""How many CPUs a process may use."""
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from common.cpu import available_cpus


def cgroup_v1(folder: Path, quota: str) -> Path:
    (folder / "cpu").mkdir()
    (folder / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (folder / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    return folder


def cgroup_v2(folder: Path, quota: str) -> Path:
    (folder / "cpu.max").write_text(f"{quota} 100000\n")
    return folder


def test_without_cgroup_the_affinity_counts(tmp_path: Path) -> None:
    """Where no control group can be read, the cores this process may run on count."""
    assert available_cpus(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("make", [cgroup_v1, cgroup_v2])
def test_quota_is_rounded_up(tmp_path: Path, make: Callable[[Path, str], Path]) -> None:
    """Half a CPU still needs one thread."""
    assert available_cpus(make(tmp_path, "50000")) == 1


@pytest.mark.parametrize("make", [cgroup_v1, cgroup_v2])
def test_quota_never_adds_cores(tmp_path: Path, make: Callable[[Path, str], Path]) -> None:
    """A quota above the machine's cores leaves it at those."""
    assert available_cpus(make(tmp_path, "99900000")) == len(os.sched_getaffinity(0))


def test_no_quota(tmp_path: Path) -> None:
    """"max" (cgroup v2) and -1 (v1) mean that there is no quota."""
    assert available_cpus(cgroup_v2(tmp_path, "max")) == len(os.sched_getaffinity(0))
    (tmp_path / "cpu.max").unlink()
    assert available_cpus(cgroup_v1(tmp_path, "-1")) == len(os.sched_getaffinity(0))
