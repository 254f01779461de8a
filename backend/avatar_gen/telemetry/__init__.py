"""What the service reports about itself: logs, request statistics, metrics."""
