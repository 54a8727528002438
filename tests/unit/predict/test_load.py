"""Work in the background steps aside for requests."""
from __future__ import annotations

import threading
import time

import pytest

from predict.load import RequestLoad

PATIENCE_SECONDS = 20.0


def test_room() -> None:
    """With something of the capacity left nobody waits."""
    load = RequestLoad(2)
    load.wait_for_room(600)
    with load.request():
        load.wait_for_room(600)


def test_full() -> None:
    """While requests take all of the capacity, one waits until any of them is done."""
    load, first, waited = RequestLoad(2), threading.Event(), threading.Event()

    def request() -> None:
        with load.request():
            first.wait(PATIENCE_SECONDS)

    def wait() -> None:
        load.wait_for_room(PATIENCE_SECONDS)
        waited.set()

    with load.request():
        threads = [threading.Thread(target=target) for target in (request, wait)]
        threads[0].start()
        while load._count < 2:  # nothing else tells that the request has begun
            time.sleep(0.001)
        threads[1].start()
        assert not waited.wait(0.1)
        first.set()
        assert waited.wait(PATIENCE_SECONDS)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)


def test_patience() -> None:
    """The wait ends when its time is over."""
    load = RequestLoad(1)
    with load.request():
        load.wait_for_room(0.01)


def test_request_that_fails() -> None:
    """A request that ends with an error makes room as well."""
    load = RequestLoad(1)
    with pytest.raises(ValueError, match="bad"), load.request():
        raise ValueError("bad")
    load.wait_for_room(600)
