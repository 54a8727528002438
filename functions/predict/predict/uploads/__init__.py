"""Uploads: pictures that clients put into the bucket themselves."""
