"""What each use of the data asks for, as one table.

``lake`` is what it takes to put data where others can find and use them: eight statements, most
of which a rig's template or the file itself already makes. The other profiles add what a journal,
an archive or an institute wants, and never block acquisition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from panneuro.core.errors import InputError
from panneuro.documents.envelope import Documents
from panneuro.documents.findings import Finding, Severity, how_to_give

Profile = Literal["lake", "publish", "dandi", "bids", "aind"]
PROFILES: tuple[Profile, ...] = ("lake", "publish", "dandi", "bids", "aind")

_LEVELS = {"E": Severity.ERROR, "S": Severity.SHOULD, "T": Severity.TIP}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One field, or one of several fields, that a profile asks for.

    Parameters
    ----------
    paths : tuple of str
        Any one of these fields satisfies it; the first is the one to suggest.
    what : str
        What the field says, to follow "missing:".
    example : str
        A value as it is typed after ``--set``.
    levels : str
        Severity for each of `PROFILES` in order, by first letter; ``-`` where it is not asked.
    where : str
        ``always``, ``recorded`` (something was recorded: not for models and simulations),
        ``animal`` (and not a person) or ``mouse``.
    """

    paths: tuple[str, ...]
    what: str
    example: str
    levels: str
    where: Literal["always", "recorded", "animal", "mouse"] = "always"

    def severity(self, profile: Profile) -> Severity | None:
        """Return how much a profile minds its absence, or None if it does not ask."""
        return _LEVELS.get(self.levels[PROFILES.index(profile)])


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(("description.modalities",), "what was measured", "ecephys", "EEEEE"),
    Requirement(
        ("description.title", "description.summary"),
        "one line about the session",
        "Visual cortex during a change detection task",
        "EEEEE",
    ),
    Requirement(
        ("description.institution",), "the institution", "University of Washington", "EEEEE"
    ),
    Requirement(
        ("description.lab", "description.experimenters"),
        "who is behind the data",
        "Doe lab",
        "EEEEE",
    ),
    Requirement(
        ("description.licence",), "on what terms others may use the data", "CC-BY-4.0", "EEEEE"
    ),
    Requirement(("subject.id",), "whom was recorded", "mouse-7", "EEEEE", "recorded"),
    Requirement(("subject.species",), "the species", "mouse", "EEEEE", "recorded"),
    Requirement(
        ("acquisition.session_start",),
        "when the session began, with its time zone",
        "2024-05-01T09:30:00+02:00",
        "EEEEE",
        "recorded",
    ),
    Requirement(
        ("description.experimenters",), "who recorded it", "Jane Doe <0000-0002-1825-0097>", "SESSE"
    ),
    Requirement(("subject.sex",), "the subject's sex", "female", "SEESE", "recorded"),
    Requirement(
        ("subject.age", "subject.date_of_birth"), "the subject's age", "P90D", "SEESE", "recorded"
    ),
    Requirement(
        ("description.ethics",),
        "the approved protocol or the consent",
        "IACUC 2414",
        "TESSE",
        "animal",
    ),
    Requirement(
        ("description.summary",), "a paragraph about the session", "Head-fixed, 60 minutes", "TSSST"
    ),
    Requirement(("description.keywords",), "words to find it by", "vision; attention", "-SST-"),
    Requirement(("description.funding",), "who paid", "NIH", "-SSSE"),
    Requirement(("description.project",), "the project", "Change detection", "-T--E"),
    Requirement(("description.publications",), "related papers", "10.1000/182", "-TTT-"),
    Requirement(
        ("acquisition.task",), "what the subject did", "change detection", "TSTET", "recorded"
    ),
    Requirement(
        ("acquisition.session_stop",),
        "when the session ended",
        "2024-05-01T10:30:00+02:00",
        "TT-SE",
        "recorded",
    ),
    Requirement(
        ("acquisition.areas",), "the brain areas recorded", "VISp; CA1", "TSSTT", "recorded"
    ),
    Requirement(("instrument.id",), "the rig", "rig-3", "T--TE", "recorded"),
    Requirement(
        ("instrument.devices", "instrument.probes"),
        "what it was recorded with",
        '[{"name": "imec0", "kind": "probe"}]',
        "TSSSE",
        "recorded",
    ),
    Requirement(
        ("subject.strain", "subject.genotype"),
        "the strain or genotype",
        "C57BL/6J",
        "TSTTE",
        "mouse",
    ),
    Requirement(("subject.weight_g",), "the weight in grams", "24.5", "-TTTT", "recorded"),
)
"""Everything asked for, the eight musts of the ``lake`` profile first."""


def checked_profile(name: str) -> Profile:
    """Return the profile of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    for profile in PROFILES:
        if profile == name:
            return profile
    raise InputError(
        f"validating documents: there is no profile {name!r}",
        hint=f"profiles are: {', '.join(PROFILES)}",
    )


def missing(documents: Documents, profile: Profile) -> list[Finding]:
    """Return a finding for each field that a profile asks for and that is empty."""
    situation = _situation(documents)
    findings = []
    for requirement in REQUIREMENTS:
        severity = requirement.severity(profile)
        if severity and situation[requirement.where] and _empty(documents, requirement):
            findings.append(_finding(requirement, severity))
    return findings


def _situation(documents: Documents) -> Mapping[str, bool]:
    species = documents.subject.species.id if documents.subject.species else None
    recorded = documents.description.kind not in ("model", "simulation")
    return {
        "always": True,
        "recorded": recorded,
        "animal": recorded and species != "NCBITaxon:9606",
        "mouse": recorded and species == "NCBITaxon:10090",
    }


def _empty(documents: Documents, requirement: Requirement) -> bool:
    return all(documents.get(path) in (None, (), "") for path in requirement.paths)


def _finding(requirement: Requirement, severity: Severity) -> Finding:
    path = requirement.paths[0]
    also = f" (or {requirement.paths[1]})" if requirement.paths[1:] else ""
    return Finding(
        severity=severity,
        path=path,
        code="missing",
        message=f"missing: {requirement.what}{also}",
        fix=how_to_give(path, requirement.example),
    )
