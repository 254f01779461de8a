"""Jobs: a stored avatar for each row of a list that a client has sent, made in the background."""
