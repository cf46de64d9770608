"""Write docs/reference/documents.md anew from the models, profiles and tables.

Usage: ``python scripts/documents_reference.py``. A test keeps the page in step.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from panneuro.documents.mapping import STANDARDS, mapping
from panneuro.documents.profiles import PROFILES, REQUIREMENTS
from panneuro.documents.slots import (
    SLOTS,
    Device,
    Epoch,
    Evaluation,
    Funding,
    Probe,
    Procedure,
    RunReference,
    Slot,
    Status,
    Stream,
)
from panneuro.documents.terms import Term, Value
from panneuro.documents.versions import schema_of
from panneuro.documents.vocabularies import NAMES, vocabulary

PAGE = Path(__file__).parents[1] / "docs/reference/documents.md"
VALUES = (Term, Funding, Procedure, Device, Probe, Stream, Epoch, RunReference, Evaluation, Status)
SHARED = ("schema_", "extensions")

INTRODUCTION = """\
# Documents

What is known about an asset, in eight documents. This page is written by
`scripts/documents_reference.py`.

Every field is optional to a reader. What is *asked for* depends on what the data are wanted for:
see [profiles](#profiles). A field is named by its path, as in `subject.species`, on the command
line (`--set subject.species=mouse`), in files and in findings. Every document also has `schema`,
which says its kind and version, and `extensions`, a block of free fields for each lab.

A *term* is a word and, where one is known, an identifier (`NCBITaxon:10090`, `MBA:385`,
`ROR:00cvxb145`, `RRID:…`, `ORCID:…`). A plain word is enough: it is completed from the tables that
ship with the package. A word no table knows is kept, with a tip.
"""


def kind_of(schema: dict[str, object], name: str) -> str:
    """Return the kind of value a field holds, in a reader's words."""
    properties = schema["properties"]
    return _words(properties[name])  # type: ignore[index]


def _words(entry: dict[str, object]) -> str:
    if "$ref" in entry:
        return str(entry["$ref"]).rpartition("/")[2]
    if "enum" in entry:
        return " · ".join(f"`{word}`" for word in entry["enum"])  # type: ignore[attr-defined]
    if "anyOf" in entry:
        options = [one for one in entry["anyOf"] if one.get("type") != "null"]  # type: ignore[attr-defined]
        return " or ".join(dict.fromkeys(_words(one) for one in options))
    if entry.get("type") == "array":
        items = entry.get("items")
        return f"list of {_words(items)}" if isinstance(items, dict) else "three numbers"
    formats = {"date-time": "date and time", "date": "date"}
    names = {"string": "text", "number": "number", "integer": "whole number", "object": "free"}
    return formats.get(str(entry.get("format"))) or names.get(str(entry.get("type")), "text")


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def fields(model: type[Value], prefix: str) -> Iterator[str]:
    """Yield a table of a model's fields."""
    schema = model.model_json_schema(by_alias=True)
    rows = [
        (f"`{prefix}{name}`", kind_of(schema, name), info.description or "")
        for name, info in model.model_fields.items()
        if name not in SHARED
    ]
    yield from table(("field", "holds", "meaning"), rows)


def slot(kind: str, model: type[Slot]) -> Iterator[str]:
    """Yield the section of one document."""
    yield f"## {kind}\n"
    yield f"{(model.__doc__ or '').splitlines()[0]} Written as `{schema_of(kind)}`.\n"
    yield from fields(model, f"{kind}.")


def values() -> Iterator[str]:
    """Yield the sections of the values inside documents."""
    yield "## Values inside documents\n"
    yield "One word may stand for any of these: it fills the first field.\n"
    for model in VALUES:
        yield f"### {model.__name__}\n"
        yield (model.__doc__ or "").splitlines()[0] + "\n"
        if model is Term:
            rows = [("`label`", "text", "the word"), ("`id`", "text", "the identifier")]
            yield from table(("field", "holds", "meaning"), rows)
        else:
            yield from fields(model, "")


def profiles() -> Iterator[str]:
    """Yield what each profile asks for."""
    words = {"E": "**must**", "S": "should", "T": "tip", "-": ""}
    yield "## Profiles\n"
    yield (
        "A *must* that is missing refuses; a *should* warns; a *tip* suggests. `lake` is checked\n"
        "when data are added, the others when somebody asks. Models and simulations are not asked\n"
        "about a subject or a session; strain and genotype are asked of mice.\n"
    )
    rows = [
        (
            " or ".join(f"`{path}`" for path in requirement.paths),
            requirement.what,
            *(words[letter] for letter in requirement.levels),
        )
        for requirement in REQUIREMENTS
    ]
    yield from table(("field", "what it says", *PROFILES), rows)


def words() -> Iterator[str]:
    """Yield the vocabularies with their labels."""
    yield "## Words that are known\n"
    for name in NAMES:
        labels = [
            f"{word.label} ({word.id})" if word.id else word.label for word in vocabulary(name)
        ]
        yield f"**{name}**: {', '.join(labels)}.\n"
    yield "**areas**: the 1,327 structures of the Allen mouse brain atlas (CCFv3), for mice.\n"


def counterparts() -> Iterator[str]:
    """Yield what every field is called in other standards."""
    yield "## What other standards call it\n"
    yield "Where a cell is empty, the standard has no place for it.\n"
    rows = [
        (f"`{one.path}`", *(one.names.get(standard, "") for standard in STANDARDS))
        for one in mapping()
    ]
    yield from table(("field", *STANDARDS), rows)


def page() -> str:
    """Return the whole page."""
    lines = [INTRODUCTION]
    for kind, model in SLOTS.items():
        lines += slot(kind, model)
    for section in (values, profiles, words, counterparts):
        lines += section()
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
