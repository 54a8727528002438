"""Several pictures in one request: an answer or a problem for each."""
