"""``panneuro token``: secrets for programs, rigs and reviewers."""

from __future__ import annotations

from datetime import timedelta

import click

from panneuro.access.roles import ROLES
from panneuro.cli.answers import Answers
from panneuro.cli.completing import search_words
from panneuro.cli.grant import meant
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.core.errors import InputError
from panneuro.lake.lake import open_lake

_HINT = "panneuro token ada@uni.edu   or: panneuro token --link tag=paper"


@click.command(
    short_help="Make a token for a person or a rig, or a link for a reviewer.",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("words", nargs=-1, metavar="[WHO] [CONDITION]…", shell_complete=search_words)
@click.option("--link", is_flag=True, help="For whoever holds it: they read, and have no name.")
@click.option(
    "--role",
    type=click.Choice(list(ROLES)),
    default="reader",
    show_default=True,
    help="No more than this role may.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=30,
    show_default=True,
    help="For so many days.",
)
@click.option("--why", metavar="TEXT", default="", help="For the record.")
@lake_option
@dry_run_option
@answering(short=False)
def command(
    answers: Answers,
    words: tuple[str, ...],
    link: bool,
    role: str,
    days: int,
    why: str,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Make a token for a person or a rig, or a link for a reviewer.

    The answer is the secret. It is told once: the lake keeps only its digest. A token does what its
    person or rig may do, within the role and the conditions; a link reads what the conditions find,
    embargoed or not.

    \b
    panneuro token ada@uni.edu --days 7
    panneuro token rig:two --role adder project=retina --days 366
    panneuro token --link tag=paper --why "for the reviewers"
    """
    opened, until = open_lake(lake), timedelta(days=days)
    access = opened.access.rehearsing() if dry_run else opened.access
    if not words:
        raise InputError("it is not said whose token, or what the link opens", hint=_HINT)
    if link:
        issued = access.link(meant(opened, words), until, why=why)
    else:
        scope = meant(opened, words[1:]) if words[1:] else ""
        issued = access.token(words[0], until, role=role, within=scope, why=why)
    key = issued.key
    if dry_run:
        answers.say(f"it would act as {key.acts_as} until {key.until[:10]}: a dry run")
        return
    answers.give(
        {"id": key.id, "secret": issued.secret, "acts_as": key.acts_as, "until": key.until},
        issued.secret,
    )
    answers.say(f"it acts as {key.acts_as} until {key.until[:10]}, and is not shown again")
    answers.suggest("grant", "--revoke", key.id[:12])
