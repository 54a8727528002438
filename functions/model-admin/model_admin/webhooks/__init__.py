"""Who is told of finished classifications, and what became of telling them."""
