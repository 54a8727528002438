"""Labelled pictures, to train the next model with."""
