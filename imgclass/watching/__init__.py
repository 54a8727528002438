"""Watching a folder: each picture that comes to lie there is classified once."""
