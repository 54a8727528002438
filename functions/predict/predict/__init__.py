"""Classifies pictures and records every answer with its lineage."""
