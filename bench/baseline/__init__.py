"""A model server as an ordinary team writes it: Flask, gunicorn, a SavedModel, nothing stored."""
