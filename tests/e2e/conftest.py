"""The whole stack, started as `make up` does."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from imgclass.embedded import default_model
from imgclass.embedded.layout import Layout
from imgclass.embedded.stack import Stack
from tests.servers import ROOT, SEARCH_PATH


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with data of its own; `stack.gateway.url` is its address.

    Its object store is MinIO where there is one.
    """
    own = Layout(ROOT, ROOT / "var")
    own.prepare()
    stack = Stack(
        ROOT, tmp_path_factory.mktemp("stack") / "var", port=0, search_path=SEARCH_PATH,
        archive=default_model.build(own))
    try:
        stack.up()
        yield stack
    finally:
        stack.clean_data()
