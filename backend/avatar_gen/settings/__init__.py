"""The settings: one frozen, typed object, read from files and the environment."""
