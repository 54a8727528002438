"""Model versions: their archives and their rows."""
