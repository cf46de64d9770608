"""``panneuro grant``: who may do what with what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from panneuro.access.roles import ROLES
from panneuro.access.statements import Acceptance, Grant, Key, Membership, Statement, Terms
from panneuro.cli.answers import Answers
from panneuro.cli.completing import search_words
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.texts import table
from panneuro.core.errors import InputError
from panneuro.core.query import Query
from panneuro.lake.lake import open_lake

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

_SHOWN = 12
_COLUMNS = ("id", "what", "who", "role", "on", "from", "until", "by", "why")


@click.command(
    short_help="Say who may do what with what.",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("words", nargs=-1, metavar="[WHO ROLE] [CONDITION]…", shell_complete=search_words)
@click.option("--everything", is_flag=True, help="On all there is and will be.")
@click.option("--from", "start", metavar="DATE", default="", help="From this date on.")
@click.option("--until", metavar="DATE", default="", help="Until this date.")
@click.option("--why", metavar="TEXT", default="", help="For the record.")
@click.option(
    "--embargo",
    metavar="DATE",
    default="",
    help="Hide it from everyone until the date; who is named in a grant sees it.",
)
@click.option(
    "--terms", metavar="TITLE", default="", help="Let it be read by who accepted this only."
)
@click.option(
    "--text",
    "text_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The terms in full.",
)
@click.option(
    "--join", metavar="GROUP", default="", help="Say that WHO… belong to lab:… or group:…."
)
@click.option(
    "--revoke", multiple=True, metavar="ID", help="Take back what was said; may be given again."
)
@lake_option
@dry_run_option
@answering(items=True, short=False)
def command(answers: Answers, lake: str | None, **said: Any) -> None:
    """Say who may do what with what; with nothing said, show what holds.

    WHO is a person (ada@uni.edu), lab:smith, group:…, rig:… or everyone. ROLE is reader, editor or
    owner; a rig can be an adder. Conditions are those of find, or the name of an asset: project,
    tag, lab, …, but no words.

    \b
    panneuro grant
    panneuro grant ada@uni.edu reader project=retina --until 2027-01-01
    panneuro grant everyone reader project=retina --from 2027-06-01
    panneuro grant --embargo 2027-06-01 tag=paper
    panneuro grant --revoke 4f1c08d27ab1
    """
    opened = open_lake(lake)
    if said["revoke"]:
        _revoke(answers, opened, said)
        return
    kind = next((kind for kind in ("embargo", "terms", "join") if said[kind]), "grant")
    if not said["words"] and not said["everything"] and kind == "grant":
        statements = opened.access.statements()
        _give(answers, statements)
        answers.say(_summary(opened, statements))
        return
    _give(answers, _say(opened, kind, said))
    if said["dry_run"]:
        answers.say("nothing was said: a dry run")


def _say(lake: Lake, kind: str, said: dict[str, Any]) -> list[Statement]:
    access = lake.access.rehearsing() if said["dry_run"] else lake.access
    words, bounds = list(said["words"]), {"why": said["why"], "until": said["until"]}
    match kind:
        case "join":
            return [access.join(who, said["join"], **bounds) for who in words]
        case "embargo":
            on = _on(lake, words, said)
            return [access.embargo(on, said["embargo"], why=said["why"])]
        case "terms":
            text = said["text_file"].read_text(encoding="utf-8") if said["text_file"] else ""
            return [access.terms(_on(lake, words, said), said["terms"], text, why=said["why"])]
    if len(words) < 2 or words[1] not in ROLES:
        raise InputError(
            f"granting {' '.join(words)!r}: WHO and ROLE come first",
            hint=f"panneuro grant ada@uni.edu reader project=…   roles: {', '.join(ROLES)}",
        )
    on = _on(lake, words[2:], said)
    return [access.grant(words[0], words[1], on, start=said["start"], **bounds)]


def _on(lake: Lake, words: list[str], said: dict[str, Any]) -> str | Query:
    if bool(words) == said["everything"]:
        raise InputError(
            "it is not said on what",
            hint="conditions such as project=retina, the name of an asset, or --everything",
        )
    return meant(lake, words)


def meant(lake: Lake, words: Sequence[str]) -> str | Query:
    """Return the name of the asset that a line names, or what its conditions say."""
    return words[0] if len(words) == 1 and words[0] in lake else lake.find(words).query


def _revoke(answers: Answers, lake: Lake, said: dict[str, Any]) -> None:
    found = [lake.access.find(one) for one in said["revoke"]]
    if not said["dry_run"]:
        for one in found:
            lake.access.revoke(one.id, why=said["why"])
    _give(answers, found)
    answers.say("taken back" if not said["dry_run"] else "would be taken back")


def _summary(lake: Lake, statements: tuple[Statement, ...]) -> str:
    if lake.access.is_open:
        return "nothing is granted: who holds the store sees all, others nothing"
    return f"{len(statements)} hold; panneuro audit   tells what else was ever said"


def _give(answers: Answers, statements: list[Statement] | tuple[Statement, ...]) -> None:
    items = [item_of(one) for one in statements]
    short = [{**item, "id": item["id"][:_SHOWN]} for item in items]
    rows = [[item.get(column) for column in _COLUMNS] for item in short]
    answers.give_all("statements", items, table(_COLUMNS, rows) if rows else None)


def item_of(one: Statement) -> dict[str, Any]:
    """Return a statement as the command tells it."""
    item: dict[str, Any] = {"id": one.id, "what": one.kind, "by": one.by, "at": one.at}
    match one:
        case Grant():
            item |= {"who": one.to, "role": one.role}
        case Key():
            item |= {"who": one.acts_as, "role": one.role, "on": str(one.within)}
        case Membership():
            item |= {"who": one.who, "on": one.of}
        case Acceptance():
            item |= {"who": one.who, "on": one.of}
        case Terms():
            item |= {"who": one.title}
    if isinstance(getattr(one, "on", None), Query):
        item["on"] = str(one.on) or "*"  # type: ignore[attr-defined]
    bounds = {"from": getattr(one, "start", ""), "until": getattr(one, "until", "")}
    return {**item, **{name: text for name, text in bounds.items() if text}, "why": one.why}
