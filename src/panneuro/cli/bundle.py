"""``panneuro bundle``: freeze what a paper is made of."""

from __future__ import annotations

from pathlib import Path

import click

from panneuro.cli.answers import Answers
from panneuro.cli.options import answering, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import in_bytes
from panneuro.compute.bundling import bundle
from panneuro.lake.lake import open_lake


@click.command(short_help="Freeze what a paper is made of, to be run again elsewhere.")
@click.argument("query", metavar="QUERY", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE.zip",
    help="The archive, which must not exist.",
)
@click.option(
    "--with",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A notebook, a figure or another file of the paper; may be given again.",
)
@click.option(
    "--references",
    is_flag=True,
    help="Only name recordings, with the digests of their files, instead of holding them.",
)
@click.option("--title", default="", metavar="TEXT", help="Of the paper.")
@lake_option
@answering()
def command(
    answers: Answers,
    query: tuple[str, ...],
    out: Path,
    files: tuple[Path, ...],
    references: bool,
    title: str,
    lake: str | None,
) -> None:
    """Freeze what a paper is made of, to be run again elsewhere.

    The archive holds the results that the search finds, all that they were made from, the records
    of the runs, their code and their environments, and the files given: as an RO-Crate. The same
    content gives the same bytes.

    \b
    panneuro bundle project=ripples has:figure --out paper.zip --with figure1.ipynb
    panneuro reproduce paper.zip
    """
    opened = open_lake(lake)
    found = opened.find(list(query))
    with watched(answers, "bundling") as progress:
        inside = bundle(
            opened, found, out, files=files, references=references, title=title, progress=progress
        )
    size = out.stat().st_size
    document = {
        "file": str(out),
        "bytes": size,
        "results": [f"{name}@{version}" for name, version in inside.roots],
        "assets": len(inside.assets),
        "runs": len(inside.runs),
        "references": references,
    }
    answers.give(
        document,
        f"{out}: {in_bytes(size)}, {len(inside.assets)} assets, {len(inside.runs)} runs",
    )
    answers.suggest("reproduce", str(out))
