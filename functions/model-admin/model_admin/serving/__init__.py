"""Registered versions, loaded to answer for backfills and replays."""
