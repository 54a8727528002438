"""What people say of predictions, and which ones to ask them about."""
