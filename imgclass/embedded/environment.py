"""The environment of the stack's processes, built from nothing."""
from __future__ import annotations

from collections.abc import Mapping

from imgclass.embedded.layout import Layout


def clean(layout: Layout, search_path: str, extra: Mapping[str, str]) -> dict[str, str]:
    """What every process gets, and `extra`.

    Nothing of the developer's own leaks in: no AWS_*, POSTGRES_* or MINIO_* variable, and no
    file of the real home, such as ~/.aws or ~/.seaweedfs.
    """
    return {
        "PATH": search_path,
        "HOME": str(layout.home),
        "TMPDIR": str(layout.tmp),
        "LANG": "C.UTF-8",
        **extra,
    }
