"""``panneuro judge``: how good an asset or its units are, said by hand."""

from __future__ import annotations

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import assets
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.lake.lake import open_lake


@click.command(short_help="Say how good an asset is, or label its units by hand.")
@click.argument("name", metavar="NAME", shell_complete=assets)
@click.argument("what", metavar="WHAT")
@click.argument("verdict", metavar="VERDICT")
@click.option(
    "--unit",
    "-u",
    "units",
    multiple=True,
    metavar="ID",
    help="Label this unit of the signal WHAT; may be given again.",
)
@click.option("--why", metavar="TEXT", default="", help="The reason.")
@lake_option
@dry_run_option
@answering(items=True)
def command(
    answers: Answers,
    name: str,
    what: str,
    verdict: str,
    units: tuple[str, ...],
    why: str,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Say how good an asset is, or label some of its units by hand.

    WHAT is judged is drift, sorting, video, …; VERDICT is pass, fail or pending. Units are labelled
    good, mua, noise or pending, and WHAT is then the name of their signal. The asset gets a new
    version that shares the data of the old one; all that was ever said is kept.

    \b
    panneuro judge NAME drift fail --why "it moves after 40 min"
    panneuro judge NAME units good --unit 12 --unit 15
    panneuro judge NAME@VERSION drift pass      refused if others judged it since that version
    """
    added = open_lake(lake).judge(name, what, verdict, units=units, why=why, dry_run=dry_run)
    manifest = added.manifest
    document = {
        "name": manifest.name,
        "version": manifest.version,
        "parent": manifest.parent,
        "what": what,
        "verdict": verdict,
        "units": list(units),
    }
    about = f"{what} {', '.join(units)}".strip()
    did = "would be" if dry_run else "is"
    text = f"{manifest.name}@{manifest.version}: {about} {did} {verdict}"
    answers.give_all("judged", [document], text)
    if not dry_run:
        answers.suggest(*(("get", manifest.name, "curation") if units else ("show", manifest.name)))
