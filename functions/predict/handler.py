"""Entry point of the function predict: `gunicorn handler:app`."""
from predict.app import create_app

app = create_app()
