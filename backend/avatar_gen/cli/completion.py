"""`avatar-gen completion`."""

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    epilog="""\b
Examples:
  echo 'eval "$(avatar-gen completion bash)"' >> ~/.bashrc
  echo 'eval "$(avatar-gen completion zsh)"' >> ~/.zshrc
  avatar-gen completion fish > ~/.config/fish/completions/avatar-gen.fish""",
)
@click.argument("shell", type=click.Choice(_SHELLS))
def command(*, shell: str) -> None:
    """Print the completion script for a shell.

    It completes commands, options, styles, schemes and formats. bash must be 4.4 or newer.
    """
    kind = get_completion_class(shell)
    assert kind  # noqa: S101 - click knows these shells
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "avatar-gen", "_AVATAR_GEN_COMPLETE").source())
