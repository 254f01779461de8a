"""What makes files of the repository from things that are not in it."""
