"""imgclass: the Python client, the command line and the embedded stack."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgclass.client import Client, ClientError, Filters, ProblemError

__all__ = ["Client", "ClientError", "Filters", "ProblemError"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The client, once it is asked for: the HTTP library takes longer to load than all else."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from imgclass import client
    return getattr(client, name)
