"""Pictures put straight into the bucket, and classified from there."""
from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

from imgclass.api.base import Api, read_answer, segment
from imgclass.api.polling import looks
from imgclass.errors import StillPending, UploadRefused
from imgclass.forms import FormSender
from imgclass.results.uploads import Upload, UploadForm

# What a file begins with, in the order of the media types the service takes.
MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
ANYTHING = "application/octet-stream"


class Uploads(Api):
    """What everybody may do with uploads of their own."""

    _forms: FormSender

    def create_upload(self, filename: str, content_type: str) -> UploadForm:
        """A form for one picture; whoever has it may store one under its key until it expires."""
        response = self._transport.send(
            "POST", "/api/v1/uploads",
            json={"filename": filename, "content_type": content_type})
        return read_answer(response, UploadForm.from_document)

    def upload(self, picture: str | os.PathLike[str]) -> UploadForm:
        """Put a JPEG, PNG or WebP file into the bucket; it is classified from there.

        Answers the form that was used. Raises OSError when the file cannot be read, and
        UploadRefused when the store does not take it.
        """
        path = Path(picture)
        with path.open("rb") as file:
            content_type = media_type(file.read(4))
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            # A name that is not UTF-8 is legal on disk, but not in JSON.
            name = os.fsencode(path.name).decode("utf-8", "replace")
            form = self.create_upload(name, content_type)
            if not 0 < size <= form.max_bytes:
                raise UploadRefused(
                    f"it has {size} bytes; from 1 to {form.max_bytes} are allowed")
            self._forms.send(form.url, form.fields, file, content_type)
        return form

    def find_upload(self, upload_id: uuid.UUID | str) -> Upload:
        """What became of an upload so far."""
        return self._get(f"/api/v1/uploads/{segment(upload_id)}", Upload.from_document)

    def wait_for_upload(
        self,
        upload_id: uuid.UUID | str,
        timeout: float = 600.0,
        progress: Callable[[Upload], None] = lambda upload: None,
    ) -> Upload:
        """Return the upload once it is done or has failed; `progress` hears of each look at it.

        Raises StillPending after `timeout` seconds.
        """
        for _ in looks(timeout):
            upload = self.find_upload(upload_id)
            progress(upload)
            if upload.state != "pending":
                return upload
        raise StillPending(f"upload {upload_id} is still pending after {timeout:g} s")


def media_type(head: bytes) -> str:
    """The media type of a file that begins like this; the service refuses ANYTHING."""
    return next((MAGIC[magic] for magic in MAGIC if head.startswith(magic)), ANYTHING)
