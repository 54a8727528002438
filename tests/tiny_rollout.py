"""The tiny model, registered and active without model-admin."""
from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from common.config import Settings
from common.storage import ObjectStore
from tests.databases import add_model, query

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel


def activate(
    settings: Settings, models: ObjectStore, tiny: TinyModel, version: str, twin: bool = True
) -> None:
    """Register and activate the tiny model under a version's name."""
    path = f"{version}/tiny"
    tiny.put_into(models, path)
    digest, twin_digest = tiny.digests()
    # Versions differ in their digests; only that of the archive is not needed for the twin.
    digest = digest if not twin else hashlib.sha256(version.encode()).hexdigest()
    add_model(settings, version, model_path=path, digest=digest,
              twin_digest=twin_digest if twin else None,
              manifest=json.dumps({**tiny.document, "version": version}))
    # One transaction: there is no moment without an active model.
    query(settings, "UPDATE model_versions SET is_active = false WHERE is_active; "
                    "UPDATE model_versions SET is_active = true WHERE version = %s", version)
