"""``panneuro reproduce``: prove a result by making it again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import assets
from panneuro.cli.options import answering, lake_option
from panneuro.cli.progress import watched
from panneuro.compute.bundling import results, unbundle
from panneuro.compute.recomputing import recompute
from panneuro.compute.reproducing import Verdict, reproduce, summary
from panneuro.core.progress import Progress
from panneuro.lake.lake import Lake, open_lake

_UNOBTAINABLE, _NOT_REPRODUCED = 3, 1


@click.command(short_help="Prove a result: make it again, and compare.")
@click.argument("name", metavar="NAME[@VERSION]|BUNDLE.zip", shell_complete=assets)
@click.option("--here", is_flag=True, help="Use the packages installed here, if they are the same.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help="How far numbers may differ, relative to the larger.  [default: what the step declares]",
)
@click.option("--restore", is_flag=True, help="Of what expired: put it back, byte for byte.")
@click.option("--quick", is_flag=True, help="Verify only the sizes of the inputs, not their bytes.")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Of a bundle: unpack it there, and keep it.",
)
@click.option("--from", "source", metavar="PLACE", help="Of a bundle: the lake that it refers to.")
@lake_option
@answering(items=True)
def command(
    answers: Answers,
    name: str,
    here: bool,
    tolerance: float | None,
    restore: bool,
    quick: bool,
    into: Path | None,
    source: str | None,
    lake: str | None,
) -> None:
    """Prove a result: make it again, and compare.

    The recorded packages are installed apart, the recorded code is run on the recorded inputs, and
    what comes of it is compared with what is in the lake: the same bytes, or the same values
    within the tolerance that the step declares. The verdict is recorded as a run. What is no
    longer obtainable is named. A bundle is unpacked, and every result in it made again.

    \b
    panneuro reproduce NAME
    panneuro reproduce paper.zip
    panneuro reproduce NAME --restore
    """
    if restore:
        _restore(answers, open_lake(lake), name, here)
        return
    with ExitStack() as stack:
        if name.endswith(".zip"):
            folder = into or Path(stack.enter_context(TemporaryDirectory(prefix="panneuro-")))
            with watched(answers, "unpacking") as progress:
                opened = unbundle(Path(name), folder, source=source, progress=progress)
            names = results(opened)
        else:
            opened, names = open_lake(lake), [name]
        with watched(answers, "reproducing") as progress:
            found = [_one(answers, opened, one, here, tolerance, quick, progress) for one in names]
    _conclude(answers, found)


def _restore(answers: Answers, lake: Lake, name: str, here: bool) -> None:
    with watched(answers, "making again") as progress:
        run = recompute(lake, name, here=here, progress=progress)
    ((made, version),) = run.inputs["source"].items()
    text = f"{made}@{version} is there again: the same bytes"
    answers.give({"name": made, "version": version, "run": run.key}, text)


def _one(
    answers: Answers,
    lake: Lake,
    name: str,
    here: bool,
    tolerance: float | None,
    quick: bool,
    progress: Progress,
) -> Verdict:
    verdict = reproduce(lake, name, here=here, tolerance=tolerance, quick=quick, progress=progress)
    answers.line(verdict.to_json())
    return verdict


def _conclude(answers: Answers, found: Sequence[Verdict]) -> None:
    lines = [line for verdict in found for line in (summary(verdict), *map(_noted, verdict.notes))]
    documents = [verdict.to_json() for verdict in found]
    if answers.form != "jsonl":
        answers.give({"verdicts": documents}, "\n".join(lines))
    outcomes = {verdict.outcome for verdict in found if not verdict.is_reproduced}
    if outcomes:
        only_lost = outcomes == {"unobtainable"}
        click.get_current_context().exit(_UNOBTAINABLE if only_lost else _NOT_REPRODUCED)


def _noted(note: str) -> str:
    return f"  note: {note}"
