"""Whole stacks for tests, started as `make up` starts them."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgclass.embedded import default_model
from imgclass.embedded.layout import Layout
from imgclass.embedded.stack import Stack
from tests.servers import ROOT, SEARCH_PATH


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """A stack with data of its own in `folder`; `stack.gateway.url` is its address.

    Its object store is MinIO where there is one.
    """
    own = Layout(ROOT, ROOT / "var")
    own.prepare()
    stack = Stack(
        ROOT, folder / "var", port=0, search_path=SEARCH_PATH, archive=default_model.build(own))
    try:
        stack.up()
        yield stack
    finally:
        stack.clean_data()
