"""``panneuro completion``: what makes a shell complete our lines."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from panneuro.cli import shells
from panneuro.cli.answers import Answers
from panneuro.cli.options import answering

SHELLS = (shells.Bash.name, shells.Zsh.name, shells.Fish.name)
_INSTALL = {
    "bash": 'add to ~/.bashrc:  eval "$(panneuro completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(panneuro completion zsh)"',
    "fish": "panneuro completion fish > ~/.config/fish/completions/panneuro.fish",
}


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
@answering()
def command(answers: Answers, shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options, formats, fields, and the names of assets and their signals.

    \b
    eval "$(panneuro completion bash)"
    """
    found = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if found is None:
        raise click.UsageError(f"click has no completion for {shell}")
    script = found(root, {}, "panneuro", "_PANNEURO_COMPLETE").source()
    answers.give({"shell": shell, "script": script}, script)
    answers.say(_INSTALL[shell])
