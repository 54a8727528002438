"""Pictures by the names of their files."""
from __future__ import annotations

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
