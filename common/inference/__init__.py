"""Pictures to tensors, tensors to probabilities."""
