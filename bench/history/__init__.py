"""What the history costs as it grows, from a thousand to ten million predictions."""
