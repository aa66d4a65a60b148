"""`execo-g5k completion`."""

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_EXECO_G5K_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a SHELL complete commands, options and sites.

    \b
      bash: eval "$(execo-g5k completion bash)"         in ~/.bashrc
      zsh:  eval "$(execo-g5k completion zsh)"          in ~/.zshrc
      fish: execo-g5k completion fish | source          in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell}: click does not know this shell")
    click.echo(kind(context.find_root().command, {}, "execo-g5k", _VARIABLE).source())
