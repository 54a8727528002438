"""Stored pictures."""
