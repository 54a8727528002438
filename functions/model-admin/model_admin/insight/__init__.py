"""What the recorded answers tell of the models that gave them."""
