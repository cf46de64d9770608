"""``panneuro get``: a signal, a part of it, or a file, out of an asset."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from panneuro.cli.answers import Answers, on_terminal
from panneuro.cli.completing import assets, signals
from panneuro.cli.options import answering, dry_run_option, lake_option, yes_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import in_bytes, in_time
from panneuro.core.errors import InputError, LimitError, NotFoundError
from panneuro.core.progress import Progress, Silence
from panneuro.lake.asset import Asset
from panneuro.lake.lake import open_lake
from panneuro.lake.parts import LIMIT_BYTES, Part, Wanted, cut, file_of
from panneuro.lake.writing import values, write

_GLANCE_BYTES = 20_000_000
FORMATS = ("npy", "csv", "parquet")
_CHANNELS = re.compile(r"(-?\d*):(-?\d*)")


def _channels(_: click.Context, __: click.Parameter, text: str | None) -> Any:
    """Read ``0:10`` as a slice, ``3,5`` as numbers and ``AP1,AP2`` as names."""
    if text is None:
        return None
    ends = _CHANNELS.fullmatch(text)
    if ends:
        first, last = (int(end) if end else None for end in ends.groups())
        return slice(first, last)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise click.BadParameter("write 0:10, 3,5 or names")
    return [int(part) for part in parts] if all(p.isdecimal() for p in parts) else parts


@click.command(short_help="Read a signal or a file out of an asset.")
@click.argument("name", metavar="NAME[@VERSION]", shell_complete=assets)
@click.argument("signal", metavar="SIGNAL|FILE", shell_complete=signals)
@click.option("--start", type=float, metavar="S", help="From this time on, in seconds.")
@click.option("--stop", type=float, metavar="S", help="Up to this time, in seconds.")
@click.option(
    "--channels", callback=_channels, metavar="LIST", help="Which channels: 0:10, 3,5 or AP1,AP2."
)
@click.option("--unit", metavar="ID", help="The events of one unit.")
@click.option("--scaled", is_flag=True, help="Physical values instead of the recorded integers.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="Of the output; otherwise by the name of --output, csv for tables and on a terminal, "
    "npy for the rest.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file."
)
@yes_option
@lake_option
@dry_run_option
@answering()
def command(
    answers: Answers,
    name: str,
    signal: str,
    start: float | None,
    stop: float | None,
    channels: Any,
    unit: str | None,
    scaled: bool,
    format_: str | None,
    output: Path | None,
    yes: bool,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Read a signal or a file out of an asset, and no byte more than it takes.

    Times are seconds on the session's one clock. With --json and no --output, the values are in
    the document. More than 1 GB is read only when --yes says so, or somebody at the terminal does.

    \b
    panneuro get NAME ap --start 60 --stop 61 --channels 0:32 --scaled -o ap.npy
    panneuro get NAME units --unit 7 > spikes.npy
    panneuro get NAME trials --format parquet -o trials.parquet
    panneuro get NAME original/settings.xml
    """
    asset = open_lake(lake)[name]
    part = _wanted_of(asset, signal, Wanted(start, stop, channels, unit, scaled))
    _tell_emptiness(answers, asset, signal, part)
    _allow(part, yes=yes, dry_run=dry_run)
    kind = _format(part, format_, output, as_text=answers.is_text)
    about = {"name": asset.name, "version": asset.version, "signal": signal, **part.about}
    if dry_run:
        about |= {"bytes": part.n_bytes, "format": kind}
        answers.give(about, f"would read {in_bytes(part.n_bytes)} as {kind}: {part.shown}")
    elif output is not None:
        size = _save(answers, output, part, kind)
        about |= {"file": str(output), "bytes": size, "format": kind}
        answers.give(about, f"{output}: {in_bytes(size)}, {part.shown}")
    elif not answers.is_text:
        answers.give({**about, "values": values(part)})
    else:
        _pour(answers, part, kind)


def _wanted_of(asset: Asset, signal: str, wanted: Wanted) -> Part:
    """Return what is asked for of a signal or, where it is none, a file."""
    found = file_of(asset, signal)
    if found is not None and signal not in asset:
        return found
    if "/" in signal and signal not in asset:
        raise NotFoundError(
            f"{asset.name!r} has no file {signal!r}",
            hint=f"panneuro show {asset.name} --files   lists them",
        )
    return cut(asset[signal], wanted)


def _tell_emptiness(answers: Answers, asset: Asset, signal: str, part: Part) -> None:
    """Say when a signal was recorded, where nothing of it is in the time that is asked for."""
    said = next((said for said in asset.manifest.signals if said["name"] == signal), {})
    if part.blocks and not part.n_bytes and said.get("stop_s") is not None:
        span = f"{in_time(said['start_s'])} to {in_time(said['stop_s'])}"
        answers.say(f"note: {part.shown}: nothing was recorded then, but from {span}")


def _allow(part: Part, *, yes: bool, dry_run: bool) -> None:
    """Stop before more is read than anybody expects."""
    if part.n_bytes <= LIMIT_BYTES or yes or dry_run:
        return
    size, limit = in_bytes(part.n_bytes), in_bytes(LIMIT_BYTES)
    if on_terminal() and click.confirm(f"This reads {size}. Go on?", err=True):
        return
    raise LimitError(
        f"reading {part.shown}: that is {size}, and more than {limit} is not read silently",
        hint="--yes reads it; --start, --stop and --channels ask for less",
    )


def _format(part: Part, asked: str | None, output: Path | None, *, as_text: bool) -> str:
    """Return the output's format: what is asked for, else what fits where it goes."""
    suffix = output.suffix.removeprefix(".").lower() if output else ""
    kind = asked or ("" if part.content else suffix)
    if not kind:
        on_screen = as_text and output is None and sys.stdout.isatty()
        kind = "csv" if on_screen and "csv" in part.formats else part.formats[0]
    if kind not in part.formats:
        raise InputError(
            f"{part.shown} cannot be written as {kind!r}",
            hint=f"--format {' or '.join(part.formats)}, whatever the file is called",
        )
    return kind


def _pour(answers: Answers, part: Part, kind: str) -> None:
    """Write to stdout; what is not text, only where no person is looking."""
    if kind not in ("csv", "file") and sys.stdout.isatty():
        raise InputError(
            f"{part.shown} as {kind} is not for a terminal", hint="-o FILE, or --format csv"
        )
    with _watched(answers, part) as progress:
        write(part, sys.stdout.buffer, kind, progress)


def _save(answers: Answers, path: Path, part: Part, kind: str) -> int:
    """Write a file under a name of its own and move it into place when it is whole."""
    if not path.parent.is_dir():
        raise NotFoundError(
            f"writing {str(path)!r}: there is no folder {str(path.parent)!r}",
            hint="make it first, or name another place: --output FILE",
        )
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as sink, _watched(answers, part) as progress:
            write(part, sink, kind, progress)
        size = partial.stat().st_size
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return size


@contextmanager
def _watched(answers: Answers, part: Part) -> Iterator[Progress]:
    """Show how far the reading is, where it takes longer than a glance."""
    if part.n_bytes < _GLANCE_BYTES:
        yield Silence()
        return
    with watched(answers, "reading") as progress:
        progress.start("reading", part.n_bytes)
        yield progress
