"""Recorded predictions."""
