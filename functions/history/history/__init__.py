"""Shows what was predicted, and the pictures it was predicted of."""
