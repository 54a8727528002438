"""What is known of users."""
