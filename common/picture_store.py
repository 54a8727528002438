"""Where things lie in the bucket of the pictures, beside the pictures themselves."""
from __future__ import annotations

# What clients put into the bucket: uploads/<user_id>/<name>.
UPLOADS = "uploads/"
# Pictures without a row, put aside below their own keys.
QUARANTINE = "quarantine/"
