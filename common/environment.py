"""Settings read once, at start, from the environment and from secret files.

Nothing else of a function reads the environment.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from common.errors import ConfigurationError

REQUIRED = object()

Loaded = TypeVar("Loaded", bound="FromEnvironment")


def setting(
    help: str,
    default: object = REQUIRED,
    parse: Callable[[str], Any] = str,
    secret: bool = False,
) -> Any:
    """A field of settings; `default` is written as it would stand in the environment."""
    return field(
        repr=not secret,
        metadata={"help": help, "default": default, "parse": parse, "secret": secret})


@dataclass(frozen=True)
class FromEnvironment:
    """A base of dataclasses of settings, each named after its environment variable."""

    @classmethod
    def load(cls: type[Loaded], environ: Mapping[str, str] = os.environ) -> Loaded:
        """Read every setting.

        A secret that is not in `environ` is read from `SECRETS_DIR/<name>` (default
        /var/openfaas/secrets), the name in lower case with dashes: a file, or a directory with
        one file in it, as Knative mounts it.

        Raises ConfigurationError naming the first setting that is missing or malformed.
        """
        secrets = Path(environ.get("SECRETS_DIR") or "/var/openfaas/secrets")
        values: dict[str, Any] = {}
        for item in fields(cls):
            name = item.name.upper()
            text = environ.get(name, "")
            if not text and item.metadata["secret"]:
                text = _read_secret(secrets, name)
            if not text:
                if item.metadata["default"] is REQUIRED:
                    raise ConfigurationError(f"{name} is not set ({item.metadata['help']})")
                text = item.metadata["default"]
            try:
                values[item.name] = item.metadata["parse"](text)
            except ValueError as error:
                raise ConfigurationError(f"{name} must be {error}, not {text!r}") from None
        return cls(**values)


def _read_secret(directory: Path, name: str) -> str:
    path = directory / name.lower().replace("_", "-")
    try:
        if path.is_dir():
            files = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
            if len(files) != 1:
                raise ConfigurationError(f"{name}: {path} must hold one file, not {len(files)}")
            path = files[0]
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: {path} is not text in UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{name}: {path} cannot be read ({error.strerror})") from None
