"""Entry point of the function model-admin: `gunicorn handler:app`."""
from model_admin.app import create_app

app = create_app()
