"""Proving a registered model, in a process of its own."""
