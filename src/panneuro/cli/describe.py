"""``panneuro describe``: what files don't say, said afterwards."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import assets, document_fields
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.saying import (
    Said,
    ask,
    describe_option,
    from_file,
    from_flags,
    is_attended,
    no_input_option,
    remembering,
    set_option,
    tell_findings,
    typed,
)
from panneuro.cli.texts import in_bytes
from panneuro.core.errors import InputError
from panneuro.documents import Finding, json_schema, template_of, validate
from panneuro.documents.fields import field_at
from panneuro.documents.profiles import PROFILES
from panneuro.documents.slots import SLOTS
from panneuro.lake.asset import Asset
from panneuro.lake.lake import Lake, open_lake

_TEMPLATE = """\
# What {name} says that is true of every session on its rig.
# panneuro add RECORDING --rig THIS-FILE
"""


@click.command(short_help="Say what files don't say: correct the documents of an asset.")
@click.argument("name", metavar="[NAME]", required=False, shell_complete=assets)
@set_option
@click.option(
    "--unset",
    "emptied",
    multiple=True,
    metavar="SLOT.FIELD",
    shell_complete=document_fields,
    help="Empty one field; may be given again.",
)
@describe_option
@click.option(
    "--template",
    metavar="NAME",
    shell_complete=assets,
    help="Write what an asset says of its rig, for add --rig.",
)
@click.option(
    "--schema",
    metavar="KIND",
    type=click.Choice([*SLOTS, "all"]),
    is_flag=False,
    flag_value="all",
    help="Print the JSON Schema of one kind of document, or of all.",
)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    help="Say what is missing for this use, and change nothing.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file."
)
@no_input_option
@lake_option
@dry_run_option
@answering(items=True)
def command(
    answers: Answers,
    name: str | None,
    assignments: tuple[str, ...],
    emptied: tuple[str, ...],
    described: Path | None,
    template: str | None,
    schema: str | None,
    profile: str | None,
    output: Path | None,
    no_input: bool,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Say what files don't say, or correct it.

    The asset NAME gets a new version that shares the data of the old one; the old one stays. With
    none of --set, --unset and --describe, a terminal is asked for what is missing.

    \b
    panneuro describe NAME --set subject.sex=female --set subject.age=P90D
    panneuro describe NAME --unset subject.strain
    panneuro describe --template NAME -o rig.yaml       so that the next session needs no typing
    panneuro describe --profile publish NAME            what a journal would miss
    panneuro describe --schema subject
    """
    _one_of(name=name, template=template, schema=schema)
    if schema:
        _print_schema(answers, schema, output, dry_run=dry_run)
    elif template:
        _print_template(answers, open_lake(lake)[template], output, dry_run=dry_run)
    elif profile:
        _print_findings(answers, open_lake(lake)[name or ""], profile)
    else:
        opened, named = open_lake(lake), name or ""
        said = from_flags(assignments, _told_in(described, opened, named))
        attended = is_attended(no_input)
        _describe(answers, opened, named, said, emptied, dry_run=dry_run, attended=attended)


def _one_of(**given: str | None) -> None:
    if sum(value is not None for value in given.values()) != 1:
        raise click.UsageError("give one of NAME, --template NAME and --schema [KIND]")


def _told_in(described: Path | None, lake: Lake, name: str) -> Said:
    """Return what a file says of an asset, by any name that it or its recording has."""
    if described is None:
        return {}
    asset = lake[name]
    session = asset.documents.acquisition.session_id
    files = [PurePosixPath(source["path"]) for source in asset.manifest.sources]
    names = [name for file in files for name in (*file.parts, file.stem)]
    names = [asset.name, *([session] if session else []), *names]
    return from_file(described, names, lambda: asset.documents.subject.id)


def _describe(
    answers: Answers,
    lake: Lake,
    name: str,
    said: Said,
    emptied: tuple[str, ...],
    *,
    dry_run: bool,
    attended: bool,
) -> None:
    with remembering(always=dry_run) as flags:
        if not said and not emptied and attended:
            said = ask(lake[name].documents, said, flags, severities=("error", "should"))
        if not any(said.values()) and not emptied:
            raise InputError(
                f"describing {name!r}: nothing is said",
                hint=f"panneuro describe {name} --set SLOT.FIELD=VALUE, or --unset SLOT.FIELD",
            )
        with typed():
            for path in emptied:
                field_at(path)
        added = lake.describe(name, said, unset=emptied, dry_run=dry_run)
    tell_findings(added.findings, answers.say)
    manifest = added.manifest
    status = "there already" if not added.is_new else "would be added" if dry_run else "added"
    document = {
        "name": manifest.name,
        "version": manifest.version,
        "parent": manifest.parent,
        "status": status,
        "sent_bytes": added.sent_bytes,
        "findings": [finding.to_dict() for finding in added.findings],
    }
    size = f", {in_bytes(added.sent_bytes)} of its own" if added.sent_bytes else ""
    answers.give_all("described", [document], f"{name}@{manifest.version} {status}{size}")
    if not dry_run:
        answers.suggest("show", manifest.name, "--documents")


def _print_schema(answers: Answers, kind: str, output: Path | None, *, dry_run: bool) -> None:
    schema = json_schema(None if kind == "all" else kind)
    _hand_over(answers, output, json.dumps(schema, indent=2), {"json_schema": schema}, dry_run)


def _print_template(answers: Answers, asset: Asset, output: Path | None, *, dry_run: bool) -> None:
    import yaml

    template = template_of(asset.documents)
    body = yaml.safe_dump(template, allow_unicode=True, sort_keys=False)
    text = _TEMPLATE.format(name=asset.name) + body
    _hand_over(answers, output, text.rstrip("\n"), {"template": template}, dry_run)
    if output:
        answers.suggest("add", "RECORDING", "--rig", str(output))


def _hand_over(
    answers: Answers, output: Path | None, text: str, document: dict[str, Any], dry_run: bool
) -> None:
    """Write to the file that is asked for, else answer."""
    if output is None:
        answers.give(document, text)
        return
    if not dry_run:
        output.write_text(text + "\n", encoding="utf-8")
    did = "would write" if dry_run else "wrote"
    answers.give({**document, "file": str(output)}, f"{did} {output}")


def _print_findings(answers: Answers, asset: Asset, profile: str) -> None:
    findings = validate(asset.documents, profile)
    answers.give_all(
        "findings",
        (finding.to_dict() for finding in findings),
        "\n".join(map(str, findings)) or f"nothing is missing for {profile!r}",
        name=asset.name,
        version=asset.version,
        profile=profile,
    )
    if _refuses(findings):
        answers.suggest("describe", asset.name, "--set", "SLOT.FIELD=VALUE")
        raise click.exceptions.Exit(5)


def _refuses(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)
