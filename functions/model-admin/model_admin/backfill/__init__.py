"""Stored pictures classified again with a chosen version, in the background."""
