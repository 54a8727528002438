"""How far the latest pictures and answers are from earlier ones."""
