"""Tells others of finished classifications: from rows to signed requests, at least once each."""
