"""``panneuro lineage``: what an asset was made from, and what was made of it."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import assets
from panneuro.cli.computing import conclude, executing, items_of
from panneuro.cli.options import answering, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import counted
from panneuro.compute import provenance
from panneuro.compute.lineage import Lineage, depending_on, lineage, rerun, superseded
from panneuro.lake.lake import Lake, open_lake

_MOST_NAMED = 10


@click.command(short_help="Show what an asset was made from, and what was made of it.")
@click.argument("name", metavar="[NAME[@VERSION]]", required=False, shell_complete=assets)
@click.option("--up", "direction", flag_value="up", help="To what it was made from.  [default]")
@click.option("--down", "direction", flag_value="down", help="To what was made of it.")
@click.option("--on", metavar="QUERY", help="Of all that a search finds: --on subject=m1 --down.")
@click.option(
    "--package",
    metavar="PACKAGE",
    help="Of all that was made with a package: numpy, 'numpy==2.1.0', 'scipy<1.15'.",
)
@click.option("--dot", is_flag=True, help="Answer with a drawing in the language of Graphviz.")
@click.option("--prov", is_flag=True, help="Answer with W3C PROV, as PROV-JSON.")
@click.option("--ro-crate", is_flag=True, help="Answer with the metadata of an RO-Crate.")
@click.option(
    "--rerun", "again", is_flag=True, help="Make again, with the code of now, what is the newest."
)
@executing
@lake_option
@answering()
def command(
    answers: Answers,
    name: str | None,
    direction: str | None,
    on: str | None,
    package: str | None,
    dot: bool,
    prov: bool,
    ro_crate: bool,
    again: bool,
    executor: str | None,
    workers: int | None,
    lake: str | None,
) -> None:
    """Show what an asset was made from, and what was made of it.

    A version of a package turned out to be wrong? --package lists what was made with it and what
    was made of that; --rerun makes it again with what is installed now.

    \b
    panneuro lineage NAME
    panneuro lineage NAME --ro-crate > ro-crate-metadata.json
    panneuro lineage --on subject=mouse-7 --down --dot | dot -Tsvg -o lineage.svg
    panneuro lineage --package 'scipy==1.14.0' --rerun
    """
    if prov + ro_crate + dot + again > 1:
        raise click.UsageError("--dot, --prov, --ro-crate and --rerun do not go together")
    if sum(given is not None for given in (name, on, package)) != 1:
        raise click.UsageError("name an asset, or --on QUERY, or --package PACKAGE")
    opened = open_lake(lake)
    if package:
        found = depending_on(opened, package)
    else:
        names = [name] if name else opened.find(on or "").names
        found = lineage(opened, names, "down" if direction == "down" else "up")
    if again:
        _run_again(answers, opened, found, executor, workers)
    elif prov or ro_crate:
        said = provenance.prov(opened, found) if prov else provenance.ro_crate(opened, found)
        answers.give(said, json.dumps(said, indent=1, ensure_ascii=False))
    elif dot:
        answers.give(found.to_json(), found.to_dot())
    else:
        answers.give(found.to_json(), found.to_text())
        answers.say(f"{counted(len(found.runs), 'run')}, {counted(len(found.assets), 'asset')}")


def _run_again(
    answers: Answers, lake: Lake, found: Lineage, executor: str | None, workers: int | None
) -> None:
    left = superseded(lake, found.runs)
    for old, new in sorted(left.items())[:_MOST_NAMED]:
        answers.say(f"left: {'@'.join(old)}, since {'@'.join(new)} was made later")
    if len(left) > _MOST_NAMED:
        answers.say(f"left: {len(left) - _MOST_NAMED:,} more that were made anew")
    with watched(answers, "running again") as progress, redirect_stdout(sys.stderr):
        ran = rerun(lake, found.runs, executor=executor, workers=workers, progress=progress)
    answers.give_all("runs", [item for one in ran for item in items_of(one)])
    conclude(answers, ran)
