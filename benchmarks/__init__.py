"""What a request costs."""
