"""A self-hosted avatar service: draws avatars from a seed, stores them, serves them."""

__version__ = "1.0.0"
