"""Answering a recorded prediction's picture once more, to show that the same comes out."""
