"""Erasing pictures and users: rows at once, objects as soon as the store lets us."""
