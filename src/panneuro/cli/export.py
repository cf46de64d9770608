"""``panneuro export``: an asset for tools that know nothing of us."""

from __future__ import annotations

from pathlib import Path

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import assets
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import in_bytes
from panneuro.lake.lake import open_lake

KINDS = ("nwb", "zarr", "original")


@click.command(short_help="Write an asset for other tools.")
@click.argument("name", metavar="NAME[@VERSION]", shell_complete=assets)
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="PATH",
    help="A folder to write into, or a name that does not exist.  [default: here]",
)
@click.option("--portable", is_flag=True, help="Of zarr: code anew what not every Zarr can decode.")
@lake_option
@dry_run_option
@answering()
def command(
    answers: Answers,
    name: str,
    kind: str,
    to: Path,
    portable: bool,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Write an asset for other tools.

    nwb is one HDF5 file; zarr the NWB-Zarr folder, whole whatever it shares with older versions;
    original the files that were kept verbatim. With --portable, a zarr folder has only codecs
    that ship with every Zarr v3 implementation: as a rule it is larger, the samples are the same.

    \b
    panneuro export NAME nwb --to /data/exports
    panneuro export NAME zarr --portable --to session.nwb.zarr
    """
    if portable and kind != "zarr":
        raise click.UsageError(f"--portable is for zarr; {kind} has no codecs of ours")
    opened = open_lake(lake)
    asset = opened[name]
    about = {"name": asset.name, "version": asset.version, "kind": kind, "portable": portable}
    if dry_run:
        stored = sum(file.size for file in asset.files)
        text = f"would write {asset.name} as {kind} to {to}: {in_bytes(stored)} compressed"
        answers.give({**about, "to": str(to), "stored_bytes": stored}, text)
        return
    with watched(answers, f"exporting {asset.name} as {kind}") as progress:
        written = opened.export(name, kind, to, portable=portable, progress=progress)
    size = _size(written)
    answers.give({**about, "file": str(written), "bytes": size}, f"{written}: {in_bytes(size)}")


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(found.stat().st_size for found in path.rglob("*") if found.is_file())
