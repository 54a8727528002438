"""Where the files of a model lie in the models bucket: below its `model_path`."""
from __future__ import annotations


def model_path(version: str, digest: str) -> str:
    """The folder of a version; its archive's digest keeps two rival registrations apart."""
    return f"{version}/{digest}"


def archive_key(path: str) -> str:
    """The zip as it was registered."""
    return f"{path}/archive.zip"


def twin_key(path: str) -> str:
    """The LiteRT twin compiled from it."""
    return f"{path}/twin.tflite"


def labels_key(path: str) -> str:
    """Its labels, so that the twin can be served without the archive."""
    return f"{path}/labels.txt"
