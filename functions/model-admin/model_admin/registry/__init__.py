"""Model versions: their archives, their rows, which one is active."""
