"""From the start of a process to its first right answer."""
from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.serving.clients import Request
from bench.serving.systems import START_SECONDS, end, start_baseline
from imgclass.embedded.ports import free_port
from imgclass.embedded.stack import Stack

POLL_SECONDS = 0.005


def first_answer(port: int, request: Request, path: str) -> float:
    """When a picture is answered with 200, on the clock of time.perf_counter."""
    deadline = time.perf_counter() + START_SECONDS
    while time.perf_counter() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        try:
            connection.request("POST", path, request.body, request.headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return time.perf_counter()
        except (OSError, http.client.HTTPException):
            pass  # it does not listen yet
        finally:
            connection.close()
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"no answer within {START_SECONDS:g} s")


def start_predict(stack: Stack, port: int) -> subprocess.Popen[bytes]:
    """Another predict beside that of the stack, as a platform starts a replica."""
    folder = stack.layout.root / "functions" / "predict"
    return subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:common.gunicorn_conf", "handler:app"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={
            **stack.functions.environment, "PORT": str(port),
            "PYTHONPATH": f"{folder}{os.pathsep}{stack.layout.root}"})


def predict_seconds(stack: Stack, request: Request) -> float:
    """From spawning predict to its first answer; the model is in its cache."""
    port, began = free_port(), time.perf_counter()
    process = start_predict(stack, port)
    try:
        return first_answer(port, request, "/api/v1/predict") - began
    finally:
        end(process)


def baseline_seconds(model: Path, request: Request) -> float:
    """The same of the baseline."""
    began = time.perf_counter()
    port, process = start_baseline(model)
    try:
        return first_answer(port, request, "/predict") - began
    finally:
        end(process)
