"""predict's container beside the others of its stack: warming up, working, being told to end."""
from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.containers.engine import ROOT, docker, environment, inspected
from tests.containers.stack import ComposeStack
from tests.documentation import blocks
from tests.function_process import Connection, form
from tests.waiting import wait_until

COFFEE = (ROOT / "examples/pictures/coffee.jpg").read_bytes()
PAGE = "docs/deploy/compose.md"
PORT, PATIENCE_SECONDS = 8080, 60


@contextmanager
def one_more(stack: ComposeStack, name: str) -> Iterator[tuple[str, str]]:
    """A predict of the test's own, just started: its container's name and its address."""
    name = f"{stack.project}-{name}"
    try:
        yield name, stack.start_predict(name)
    finally:
        docker("rm", "--force", "--volumes", name)


@contextmanager
def ready(stack: ComposeStack, name: str) -> Iterator[tuple[str, str]]:
    """As one_more, once it has its model."""
    def is_ready() -> bool:
        try:
            return httpx.get(f"http://{address}:{PORT}/_/ready").status_code == 200
        except httpx.TransportError:
            return False

    with one_more(stack, name) as (container, address):
        wait_until(is_ready)
        yield container, address


def classify(stack: ComposeStack, address: str, email: str) -> httpx.Response:
    """Send a picture on a connection of its own."""
    with stack.client(email) as client:
        user_id = str(client.user_id)
    return httpx.post(
        f"http://{address}:{PORT}/api/v1/predict", data={"user_id": user_id},
        files={"file": ("cup.jpg", COFFEE)}, timeout=httpx.Timeout(PATIENCE_SECONDS, connect=2),
        headers={"Authorization": f"Bearer {stack.token(email)}"})


def test_warming_up(stack: ComposeStack) -> None:
    """From its first breath predict refuses for the moment or answers, and then only answers."""
    stack.token("warm@example.com")
    seen: list[int] = []
    with one_more(stack, "warming") as (_, address):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while seen[-5:] != [200] * 5:
            assert time.monotonic() < deadline, seen
            try:
                answer = classify(stack, address, "warm@example.com")
            except httpx.TransportError:
                assert not seen, "it was there already"
                continue
            seen.append(answer.status_code)
            if answer.status_code == 503:
                assert int(answer.headers["Retry-After"]) > 0
    assert seen == sorted(seen, reverse=True)
    assert set(seen) <= {200, 503}


def test_chunked_picture(stack: ComposeStack) -> None:
    """A body in chunks, as OpenFaaS' gateway sends every body, arrives whole."""
    email, noise = "chunks@example.com", os.urandom(3_000_000)
    picture = COFFEE + noise  # what comes after a picture's end belongs to the file as well
    with stack.client(email) as client, ready(stack, "chunked") as (_, address):
        body = form("limit", {"user_id": str(client.user_id)}, picture)
        with Connection(address, PORT) as connection:
            connection.send_head("/api/v1/predict", {
                "Authorization": f"Bearer {stack.token(email)}", "Transfer-Encoding": "chunked",
                "Content-Type": "multipart/form-data; boundary=limit"})
            connection.send_chunks(body[at:at + 8192] for at in range(0, len(body), 8192))
            answer = connection.answer()
        assert answer is not None and answer.status == 200, answer
        stored = client.image_content(answer.json()["image_id"])
    assert hashlib.sha256(stored).digest() == hashlib.sha256(picture).digest()


class Load:
    """Six clients of one user, each sending one picture after the other; `outcomes` counts."""

    def __init__(self, stack: ComposeStack, address: str, email: str) -> None:
        self.outcomes: Counter[str] = Counter()
        self._counting, self._ended = threading.Lock(), threading.Event()
        self._send = lambda: classify(stack, address, email)
        self._threads = [threading.Thread(target=self._work) for _ in range(6)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                outcome = str(self._send().status_code)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError):
                outcome = "not taken"  # nobody listened, or nobody had read it yet
                self._ended.wait(0.05)
            except httpx.TransportError as error:
                outcome = type(error).__name__
            with self._counting:
                self.outcomes[outcome] += 1


def test_told_to_end_under_load(stack: ComposeStack) -> None:
    """What it has begun it finishes; what it answers is recorded, and nothing else is."""
    email = "load@example.com"
    with (
        stack.client(email) as client, ready(stack, "ending") as (name, address),
        Connection(address, PORT) as slow,
    ):
        body = form("limit", {"user_id": str(client.user_id)}, COFFEE)
        slow.send_head("/api/v1/predict", {
            "Authorization": f"Bearer {stack.token(email)}", "Content-Length": str(len(body)),
            "Content-Type": "multipart/form-data; boundary=limit"})
        slow.send(body[:10_000])
        with Load(stack, address, email) as load:
            wait_until(lambda: load.outcomes["200"] >= 20)
            with subprocess.Popen(["docker", "stop", "-t", "35", name],
                                  env=environment(), stdout=subprocess.DEVNULL) as stop:
                wait_until(lambda: "Handling signal: term" in docker("logs", name))
                slow.send(body[10_000:])
                answer = slow.answer()
                assert stop.wait(PATIENCE_SECONDS) == 0
        assert answer is not None and answer.status == 200
        state = inspected("container", name)["State"]
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
        assert set(load.outcomes) == {"200", "not taken"}, load.outcomes
        assert client.predictions().total == load.outcomes["200"] + 1


def test_baked_model(stack: ComposeStack) -> None:
    """With the files of a running predict in its image, as documented, a new one fetches none."""
    (commands,) = (each.text for each in blocks(PAGE) if each.heading == "A model in the image")
    assert len(commands.splitlines()) == 4
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=stack.folder, env=stack.environment, text=True,
        capture_output=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    stack.up()
    wait_until(lambda: "model loaded" in stack.logs("predict"))
    assert stack.compose("exec", "-T", "predict", "find", "/tmp", "-type", "f") == ""
