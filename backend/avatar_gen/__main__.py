"""`python -m avatar_gen` is the `avatar-gen` command."""

from avatar_gen.cli import main

main()
