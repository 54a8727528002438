"""Predictions in numbers."""
