"""API keys, rate limits, host names and security headers."""
