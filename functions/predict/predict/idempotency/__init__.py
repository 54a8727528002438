"""Requests sent again: a key of the client's leads to the first answer."""
