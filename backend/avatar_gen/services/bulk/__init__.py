"""Avatars for everybody on a list: read from CSV, drawn on all processors, in a folder or in the storage."""
