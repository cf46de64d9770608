"""Validation of documents: everything there is to say, at once, each with what to type."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from panneuro.core.errors import DocumentError
from panneuro.documents.archives import archive_findings
from panneuro.documents.checks import CHECKS, Surroundings
from panneuro.documents.envelope import Documents, unknown_fields
from panneuro.documents.extensions import extension_findings
from panneuro.documents.findings import Finding, Severity, in_order, of_severity
from panneuro.documents.paths import join_path
from panneuro.documents.profiles import checked_profile, missing
from panneuro.documents.terms import Term
from panneuro.documents.vocabularies import Tables, look_up, vocabulary

NOWHERE = Surroundings()

_WORDED: tuple[tuple[str, str], ...] = (
    ("subject.species", "species"),
    ("subject.sex", "sexes"),
    ("description.licence", "licences"),
    ("description.modalities", "modalities"),
)


def validate(
    documents: Documents, profile: str = "lake", around: Surroundings = NOWHERE
) -> list[Finding]:
    """Say everything that is missing, wrong or could be better, errors first.

    Parameters
    ----------
    documents : Documents
        What is known about an asset.
    profile : str
        ``lake``, ``publish``, ``dandi``, ``bids`` or ``aind``.
    around : Surroundings, optional
        The folder, signals, lineage, extension schemas and words to agree with.

    Raises
    ------
    InputError
        If there is no such profile.

    Examples
    --------
    >>> from panneuro.documents.envelope import read
    >>> findings = validate(read({"subject": {"id": "mouse-7"}}))
    >>> [finding.path for finding in findings if finding.severity == "error"][:2]
    ['description.modalities', 'description.title']
    """
    checked = checked_profile(profile)
    found = missing(documents, checked)
    for check in CHECKS:
        found += check(documents, checked, around)
    found += archive_findings(documents, checked)
    found += extension_findings(documents, around.schemas)
    found += _newer_fields(documents)
    found += _unknown_words(documents, around.vocabularies)
    return in_order(_once(found))


def require(
    documents: Documents, profile: str = "lake", around: Surroundings = NOWHERE
) -> list[Finding]:
    """Refuse documents with errors, listing all of them; return the other findings.

    Raises
    ------
    DocumentError
        With every error and how to correct it.
    """
    findings = validate(documents, profile, around)
    errors = of_severity(findings, Severity.ERROR)
    if errors:
        raise refusal(errors, profile)
    return findings


def refusal(errors: list[Finding], profile: str) -> DocumentError:
    """Return the one error that lists several findings."""
    count = f"{len(errors)} thing{'s' if len(errors) > 1 else ''}"
    lines = "\n".join(f"  {error.told}" for error in errors)
    return DocumentError(
        f"the documents do not yet meet the {profile!r} profile, {count} to settle:\n{lines}",
        hint="what a rig always says goes into a template: panneuro describe --help",
    )


def _once(findings: list[Finding]) -> list[Finding]:
    seen: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.path, finding.code, finding.found), finding)
    return list(seen.values())


def _newer_fields(documents: Documents) -> Iterator[Finding]:
    for kind, slot in documents.slots():
        for path, _, _ in unknown_fields(slot, kind):
            yield Finding(
                Severity.TIP,
                path,
                "newer-field",
                f"kept as it is: this release does not know it, {slot.schema_!r} does",
                fix="pip install --upgrade panneuro",
            )


def _unknown_words(documents: Documents, tables: Tables) -> Iterator[Finding]:
    for path, name in _WORDED:
        for term in _terms(documents.get(path)):
            if look_up(name, term.label, tables) is None and term.id is None:
                yield _unknown_word(path, name, term)
    for stream in documents.acquisition.streams:
        if stream.modality and look_up("modalities", stream.modality.label, tables) is None:
            path = join_path("acquisition.streams", stream.name, "modality")
            yield _unknown_word(path, "modalities", stream.modality)


def _terms(value: Any) -> tuple[Term, ...]:
    if isinstance(value, Term):
        return (value,)
    return value if isinstance(value, tuple) else ()


def _unknown_word(path: str, name: str, term: Term) -> Finding:
    known = [text for word in vocabulary(name) for text in (word.label, *word.synonyms)]
    near = difflib.get_close_matches(term.label, known, n=1, cutoff=0.75)
    meant = f"did you mean {near[0]!r}? Or " if near else ""
    return Finding(
        Severity.TIP,
        path,
        "unknown-word",
        f"kept as it is; the {name} table does not have it",
        repr(term.label),
        f"{meant}add it to [vocabularies.{name}] in lake.toml",
    )
