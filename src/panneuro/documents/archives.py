"""What single archives and institutes insist on beyond a field being filled."""

from __future__ import annotations

import re
from collections.abc import Iterator

from panneuro.documents.envelope import Documents
from panneuro.documents.findings import Finding, Severity, flag
from panneuro.documents.profiles import Profile
from panneuro.documents.terms import Term

_ORCID = re.compile(r"^ORCID:(\d{4})-(\d{4})-(\d{4})-(\d{3}[\dX])$")
_OPEN = ("SPDX:CC0-1.0", "SPDX:CC-BY-4.0", "SPDX:PDDL-1.0", "SPDX:ODC-By-1.0")
_DANDI = ("SPDX:CC0-1.0", "SPDX:CC-BY-4.0")


def archive_findings(documents: Documents, profile: Profile) -> Iterator[Finding]:
    """Yield what the archive behind a profile would refuse or dislike."""
    yield from _orcids(documents.description.experimenters)
    if profile in ("publish", "dandi"):
        yield from _licence(documents, _DANDI if profile == "dandi" else _OPEN, profile)
        yield from _species(documents, profile)
    if profile == "aind":
        yield from _aind(documents)
    if profile == "bids":
        yield from _bids(documents)


def orcid_is_valid(id_: str) -> bool:
    """Tell whether an ORCID has the right form and check digit (ISO 7064 MOD 11-2).

    Examples
    --------
    >>> orcid_is_valid("ORCID:0000-0002-1825-0097")
    True
    >>> orcid_is_valid("ORCID:0000-0002-1825-0098")
    False
    """
    found = _ORCID.match(id_)
    if found is None:
        return False
    digits = "".join(found.groups())
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return digits[-1] == ("X" if check == 10 else str(check))


def _orcids(people: tuple[Term, ...]) -> Iterator[Finding]:
    for person in people:
        if person.id and person.id.startswith("ORCID:") and not orcid_is_valid(person.id):
            yield Finding(
                Severity.SHOULD,
                "description.experimenters",
                "orcid-digits",
                f"the check digit of {person.label!r}'s ORCID does not fit: a digit is wrong",
                repr(person.id),
            )


def _licence(
    documents: Documents, accepted: tuple[str, ...], profile: Profile
) -> Iterator[Finding]:
    licence = documents.description.licence
    if licence is not None and licence.id not in accepted:
        names = ", ".join(id_.removeprefix("SPDX:") for id_ in accepted)
        yield Finding(
            Severity.ERROR if profile == "dandi" else Severity.SHOULD,
            "description.licence",
            "licence-not-open",
            f"open licences for data are: {names}",
            repr(licence.label),
            "--set description.licence=CC-BY-4.0",
        )


def _species(documents: Documents, profile: Profile) -> Iterator[Finding]:
    species = documents.subject.species
    if species is not None and not (species.id or "").startswith("NCBITaxon:"):
        yield Finding(
            Severity.ERROR if profile == "dandi" else Severity.SHOULD,
            "subject.species",
            "species-without-id",
            "the species has no NCBI Taxonomy identifier",
            repr(species.label),
            flag("subject.species", f"{species.label} <NCBITaxon:NUMBER>"),
        )


def _aind(documents: Documents) -> Iterator[Finding]:
    subject = documents.subject.id
    if subject and "_" in subject:
        yield Finding(
            Severity.ERROR,
            "subject.id",
            "aind-subject",
            "a subject id has no underscore there",
            repr(subject),
            flag("subject.id", subject.replace("_", "-")),
        )


def _bids(documents: Documents) -> Iterator[Finding]:
    subject = documents.subject.id
    if subject and not subject.isalnum():
        yield Finding(
            Severity.SHOULD,
            "subject.id",
            "bids-label",
            "a BIDS label has letters and digits only; an export will drop the others",
            repr(subject),
        )
