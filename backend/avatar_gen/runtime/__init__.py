"""How the service runs: the HTTP/1.1 protocol, worker processes, caches, batching."""
