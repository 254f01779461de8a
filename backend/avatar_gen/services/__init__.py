"""The use cases: each takes checked options, calls the rooms below it, and knows no HTTP."""
