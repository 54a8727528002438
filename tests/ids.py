"""An id for the parameters of tests: every process that collects them must name them alike."""
from __future__ import annotations

import uuid

ID = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
