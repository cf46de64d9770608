"""``panneuro add``: recordings into a lake."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from panneuro.access.prices import PriceBook
from panneuro.access.savings import Savings
from panneuro.cli.answers import Answers
from panneuro.cli.coding import coding_table
from panneuro.cli.completing import formats
from panneuro.cli.failures import SAME_LINE, Failure, failure_of, status_of
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.saying import (
    ask,
    describe_option,
    from_file,
    from_flags,
    is_attended,
    no_input_option,
    remembering,
    set_option,
    tell_findings,
)
from panneuro.cli.texts import in_bytes, table
from panneuro.codecs.choice import PORTABLE, every_name
from panneuro.core.errors import DocumentError, NotFoundError, PanneuroError
from panneuro.documents import Documents, Finding, Layer, load_overrides, merge
from panneuro.formats.readers import begin, choose
from panneuro.formats.source import Source
from panneuro.lake.adding import Added, Options, Plan
from panneuro.lake.lake import Lake, open_lake, refuse_other_sources
from panneuro.signals.recording import Recording
from panneuro.storage.stores import probe

Foreseen = dict[str, set[str]]
"""By name of an asset that a dry run would add, the digests of the files it is made from."""

_COLUMNS = ("name", "version", "status", "bytes in", "stored", "ratio", "saved a year", "path")
_NUMBERS = ("bytes in", "stored", "ratio", "saved a year")


@dataclass(frozen=True)
class Request:
    """What the line asks for, for every path.

    Parameters
    ----------
    options : Options
        How to add.
    described : Path, optional
        The file that says things of each recording.
    assignments : tuple of str
        What the flags say; stronger than the file.
    attended : bool
        Whether somebody can be asked.
    dry_run : bool
        Whether nothing is to be done.
    """

    options: Options
    described: Path | None
    assignments: tuple[str, ...]
    attended: bool
    dry_run: bool


@click.command(short_help="Add recordings to a lake.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@lake_option
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    shell_complete=formats,
    help="Read it as this format, instead of finding out.",
)
@click.option("--name", help="Of the asset; made of modality, subject and time otherwise.")
@set_option
@describe_option
@click.option(
    "--rig",
    type=click.Path(path_type=Path),
    metavar="TEMPLATE",
    help="What the rig always says: a file written by describe --template.",
)
@click.option(
    "--codec",
    "codecs",
    multiple=True,
    type=click.Choice(sorted(every_name())),
    help="Try only this coding; may be given again.",
)
@click.option("--portable", is_flag=True, help="Keep to codecs that ship with every Zarr.")
@click.option(
    "--replace",
    "replaces",
    is_flag=True,
    help="Make a new version of an asset made from other files.",
)
@no_input_option
@dry_run_option
@answering(items=True)
def command(
    answers: Answers,
    paths: tuple[Path, ...],
    lake: str | None,
    format_: str | None,
    name: str | None,
    assignments: tuple[str, ...],
    described: Path | None,
    rig: Path | None,
    codecs: tuple[str, ...],
    portable: bool,
    replaces: bool,
    no_input: bool,
    dry_run: bool,
) -> None:
    """Add recordings to a lake.

    Each PATH is a file or folder that a rig wrote. It is recognised, described, compressed without
    loss, verified by decoding, and then committed: it is wholly in the lake or not at all. Adding
    the same again changes nothing; a line that was interrupted resumes when it is run again.

    A lake that is served elsewhere gets the files themselves, and adds them there; PANNEURO_TOKENS
    says who you are: lake.example=pnr_…

    \b
    panneuro add session_g0 --lake /data/lake --set subject.id=mouse-7 --rig rig.yaml
    panneuro add day-1/* --lake s3://bucket/lake --describe sessions.csv --dry-run
    panneuro add session_g0 --lake https://lake.example/store --rig rig.yaml
    """
    if name and len(paths) > 1:
        raise click.UsageError("--name is for one PATH")
    if codecs and portable:
        raise click.UsageError("--codec and --portable do not go together")
    from_flags(assignments)
    options = Options(
        format=format_,
        name=name,
        template=load_overrides(rig).for_session() if rig else {},
        codecs=(PORTABLE if portable else codecs) or None,
        replaces=replaces,
    )
    attended = is_attended(no_input)
    request = Request(options, described, assignments, attended, dry_run)
    place = lake or os.environ.get("PANNEURO_LAKE", "")
    if place.startswith(("http://", "https://")):
        if request.options.codecs:
            raise click.UsageError("how it is coded is chosen where the lake is served")
        _send_all(answers, place, paths, request)
        return
    opened = _opened(answers, lake, paths, options, dry_run=dry_run)
    foreseen: Foreseen = {}
    _add_all(answers, paths, lambda path: _add(answers, opened, path, request, foreseen))


def _send_all(answers: Answers, place: str, paths: tuple[Path, ...], request: Request) -> None:
    """Send every path to a lake that is served elsewhere."""
    from panneuro.portal.sending import Sender, files_of

    def send(path: Path) -> dict[str, Any]:
        options = _fitted(answers, path, request)
        files = files_of(path, options.format)
        size = sum(one.stat().st_size for one in files.values())
        told = {"path": str(path), "format": options.format, "source_bytes": size}
        if request.dry_run:
            answers.say(f"{path}: {len(files):,} files, {in_bytes(size)}")
            return {**told, "status": "would be sent"}
        with watched(answers, "hashing") as progress:
            added = sender.send(path, options, progress)
        tell_findings(map(Finding.from_dict, added["findings"]), answers.say)
        status = "added" if added["is_new"] else "there already"
        return {**told, **added, "status": status}

    with Sender(place) as sender:
        _add_all(answers, paths, send)


def _opened(
    answers: Answers, place: str | None, paths: tuple[Path, ...], options: Options, *, dry_run: bool
) -> Lake:
    """Open the lake, or make it for what can be read: in a dry run, in memory alone."""
    try:
        lake = open_lake(place)
        if not dry_run:
            # Who may not write learns it before a day of data is read.
            probe(lake.store)
        return lake
    except NotFoundError:
        _find_readable(paths, options)
        if dry_run:
            answers.say(f"would make a new lake at {place}")
            return open_lake(f"memory://dry-run-{uuid.uuid4().hex}", create=True)
        lake = open_lake(place, create=True)
        answers.say(f"made a new lake at {place}")
        return lake


def _find_readable(paths: tuple[Path, ...], options: Options) -> None:
    """Raise what is wrong with the first path if none can be read: no lake is made for it."""
    found: list[PanneuroError | OSError] = []
    for path in paths:
        try:
            begin(path, options.format)
        except (PanneuroError, OSError) as error:
            found.append(error)
        else:
            return
    raise found[0]


def _add_all(
    answers: Answers, paths: tuple[Path, ...], add: Callable[[Path], dict[str, Any]]
) -> None:
    """Add every path; one that fails stops no other."""
    results: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for path in paths:
        try:
            result = add(path)
        except (PanneuroError, OSError) as error:
            if len(paths) == 1:
                raise
            failures.append(failure_of(error))
            answers.fail(failures[-1])
            result = {"path": str(path), "status": "failed", "error": failures[-1].to_json()}
        answers.line(result)
        results.append(result)
    _conclude(answers, results, failures)


def _conclude(answers: Answers, results: list[dict[str, Any]], failures: list[Failure]) -> None:
    if answers.form != "jsonl":
        answers.give_all("added", results, _tables(results))
    if failures:
        done = len(results) - len(failures)
        answers.say(f"{done} of {len(results)} done; when it is mended, {SAME_LINE}")
        raise click.exceptions.Exit(status_of(failures, some_done=done > 0))
    first = next((result for result in results if not result["status"].startswith("would")), None)
    if first:
        answers.suggest("show", first["name"])


def _add(
    answers: Answers, lake: Lake, path: Path, request: Request, foreseen: Foreseen
) -> dict[str, Any]:
    options = _fitted(answers, path, request)
    with remembering(always=request.dry_run) as flags:
        plan = _planned(answers, lake, path, options, flags if request.attended else None)
        tell_findings(plan.findings, answers.say)
        for note in plan.recording.notes:
            answers.say(f"  note: {note}")
        if request.dry_run:
            with watched(answers, "hashing") as progress:
                plan.snapshot.reading.show(progress)
                return _foreseen(lake, path, plan, options, foreseen)
        with watched(answers, "writing") as progress:
            return _told(lake, path, lake.carry_out(plan, options, progress))


def _fitted(answers: Answers, path: Path, request: Request) -> Options:
    """Return the options for one path: its reader, and what is said of it."""
    options = request.options
    if options.format:
        answers.say(f"{path}: read as {options.format}, as you say")
    else:
        name, match = choose(Source(path))
        answers.say(f"{path}: read as {name}: {match.reason}")
        options = replace(options, format=name)

    def subject() -> str | None:
        said = (from_flags(request.assignments), begin(path, options.format).documents)
        return next((one["subject"]["id"] for one in said if "id" in one.get("subject", {})), None)

    place = path.absolute()
    said = from_file(request.described, (place.name, place.stem), subject)
    return replace(options, said=from_flags(request.assignments, said))


def _planned(
    answers: Answers, lake: Lake, path: Path, options: Options, flags: list[str] | None
) -> Plan:
    """Return the plan; where something must be said and somebody may give flags, ask for it."""
    try:
        with watched(answers, "reading") as progress:
            return lake.plan(path, options, progress)
    except DocumentError:
        if flags is None:
            raise
    recording, said = begin(path, options.format), None
    while said != options.said:
        # An answer may bring up another question: the zone of a time.
        said = options.said
        options = replace(options, said=ask(_known(lake, recording, options), said, flags))
    with watched(answers, "reading") as progress:
        return lake.plan(path, options, progress)


def _known(lake: Lake, recording: Recording, options: Options) -> Documents:
    """Return what lab, rig, recording and person say so far."""
    return merge(
        Layer("lab", lake.settings.defaults),
        Layer("template", options.template),
        Layer("reader", {slot: dict(values) for slot, values in recording.documents.items()}),
        Layer("user", options.said),
    ).documents


def _foreseen(
    lake: Lake, path: Path, plan: Plan, options: Options, foreseen: Foreseen
) -> dict[str, Any]:
    """Return what adding would do, once the paths before are added."""
    earlier = lake.versions(plan.name)
    known = {source["digest"] for source in earlier[-1].sources} if earlier else set()
    known |= foreseen.get(plan.name, set())
    if known and not options.replaces:
        refuse_other_sources(plan, known)
    foreseen[plan.name] = set(plan.snapshot.digests.values())
    is_there = bool(earlier) and earlier[-1].extra.get("content") == plan.content
    version = (
        earlier[-1].version if is_there else plan.version(earlier[-1].version if earlier else "")
    )
    return {
        "path": str(path),
        "status": "there already" if is_there else "would be added",
        "name": plan.name,
        "version": version,
        "format": plan.recording.format,
        "source_bytes": sum(size for size, _ in plan.snapshot.stamps.values()),
        "signals": [repr(signal) for signal in plan.recording.signals],
        "findings": [finding.to_dict() for finding in plan.findings],
    }


def _told(lake: Lake, path: Path, added: Added) -> dict[str, Any]:
    """Return what adding did."""
    manifest = added.manifest
    savings = Savings.of([manifest], PriceBook.from_table(lake.settings.prices))
    return {
        "path": str(path),
        "status": "added" if added.is_new else "there already",
        "name": manifest.name,
        "version": manifest.version,
        "format": manifest.format,
        "sent_bytes": added.sent_bytes,
        **savings.to_json(),
        "findings": [finding.to_dict() for finding in added.findings],
    }


def _tables(results: list[dict[str, Any]]) -> str:
    """Return a table of the assets, and one of their large signals."""
    # Who names one path knows it; a terminal has no room to say it again.
    told = results if len(results) > 1 else [{**result, "path": None} for result in results]
    assets = table(_COLUMNS, map(_row, told), _NUMBERS)
    return "\n\n".join(filter(None, (assets, coding_table(results))))


def _row(result: Mapping[str, Any]) -> list[Any]:
    source, stored = result.get("source_bytes"), result.get("stored_bytes")
    saved = result.get("saved_per_year")
    return [
        result.get("name", "-"),
        result.get("version"),
        result["status"],
        None if source is None else in_bytes(source),
        None if stored is None else in_bytes(stored),
        f"{result['ratio']:.2f}" if "ratio" in result else None,
        None if saved is None else f"{saved:.2f} {result['currency']}",
        result["path"],
    ]
