"""Measurements of the whole stack, each a `make bench-…` target."""
