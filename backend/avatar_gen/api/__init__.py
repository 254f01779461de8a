"""HTTP in and out: read a request, call one use case, shape the answer."""
