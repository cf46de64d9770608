"""``panneuro reindex``: the index, built anew from the store alone."""

from __future__ import annotations

import time

import click

from panneuro.cli.answers import Answers
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import counted, in_time
from panneuro.core.manifest import KEY
from panneuro.lake.lake import ASSETS, open_lake


@click.command(short_help="Rebuild the index from the store alone.")
@lake_option
@dry_run_option
@answering()
def command(answers: Answers, lake: str | None, dry_run: bool) -> None:
    """Rebuild the index from the store alone.

    The store is the truth and the index can be burnt at any time: whatever it knew is read again
    from the asset.json of each version.
    """
    opened = open_lake(lake)
    if dry_run:
        keys = (found.key for found in opened.store.list(ASSETS))
        count = sum(key.endswith(f"/{KEY}") for key in keys)
        answers.give(
            {"versions": count, "dry_run": True}, f"would index {counted(count, 'version')}"
        )
        return
    began = time.monotonic()
    with watched(answers, "reading every asset.json"):
        count = opened.reindex()
    spent = time.monotonic() - began
    document = {"versions": count, "seconds": round(spent, 3)}
    answers.give(document, f"{counted(count, 'version')} indexed in {in_time(spent)}")
