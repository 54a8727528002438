"""Where the stack keeps its state."""
from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from imgclass.embedded.errors import StackError

MARKER = ".imgclass"
# Postgres, SeaweedFS and a model in the making need this much to start and to write a little.
NEEDED_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Layout:
    """The checkout (`root`) and the folder of all state (`var`)."""

    root: Path
    var: Path

    @property
    def secrets(self) -> Path:
        return self.var / "secrets"

    @property
    def postgres(self) -> Path:
        return self.var / "postgres"

    @property
    def objects(self) -> Path:
        return self.var / "objects"

    @property
    def events(self) -> Path:
        """What the object store has not yet told predict."""
        return self.var / "events"

    @property
    def logs(self) -> Path:
        return self.var / "logs"

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def models(self) -> Path:
        return self.var / "models"

    @property
    def model_cache(self) -> Path:
        return self.var / "model-cache"

    @property
    def home(self) -> Path:
        """HOME of every process, so that none reads the developer's own files."""
        return self.var / "home"

    @property
    def tmp(self) -> Path:
        return self.var / "tmp"

    @property
    def lock(self) -> Path:
        return self.var / "lock"

    @property
    def ports(self) -> Path:
        return self.var / "ports.json"

    def is_ours(self) -> bool:
        """Whether `var` is a folder this program has made."""
        return (self.var / MARKER).is_file()

    def prepare(self) -> None:
        """Create the folders.

        Raises StackError when `var` is somebody else's folder, cannot be written, or the disk
        is nearly full.
        """
        self._claim()
        try:
            self.secrets.mkdir(mode=0o700, exist_ok=True)
            self.secrets.chmod(0o700)
            for folder in (*self._disposable, self.models):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(f"{error.filename} cannot be made: {error.strerror}") from None
        free = shutil.disk_usage(self.var).free
        if free < NEEDED_BYTES:
            raise StackError(
                f"only {free / 1e9:.1f} GB are free at {self.var}: "
                f"make room for {NEEDED_BYTES / 1e9:.0f} GB and try again")

    def remove_data(self) -> None:
        """Remove everything but the built model and the lock that is being held."""
        for folder in self._disposable:
            if folder.is_dir():
                shutil.rmtree(folder)
        self.ports.unlink(missing_ok=True)

    @property
    def _disposable(self) -> tuple[Path, ...]:
        return (self.secrets, self.postgres, self.objects, self.events, self.logs,
                self.run, self.model_cache, self.home, self.tmp)

    def _claim(self) -> None:
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            if not self.is_ours() and self.var != self.root / "var" and any(self.var.iterdir()):
                raise StackError(
                    f"IMGCLASS_VAR: {self.var} holds something else: name an empty folder")
            (self.var / MARKER).touch()
        except OSError as error:
            raise StackError(
                f"{self.var} cannot be written ({error.strerror}): "
                "run this as the owner of the checkout") from None
