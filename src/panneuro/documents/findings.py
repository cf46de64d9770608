"""What validation says: one finding for each thing that is missing, wrong or could be better."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class Severity(StrEnum):
    """How much a finding matters.

    ``error`` refuses, ``should`` warns, ``tip`` suggests.
    """

    ERROR = "error"
    SHOULD = "should"
    TIP = "tip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a set of documents.

    Parameters
    ----------
    severity : Severity
        How much it matters.
    path : str
        The field, as in ``subject.species``.
    code : str
        A stable name for the rule, as in ``missing`` or ``subject-mismatch``.
    message : str
        What is wrong.
    found : str
        What was found, as Python writes it; empty where nothing was.
    fix : str
        What to type.
    """

    severity: Severity
    path: str
    code: str
    message: str
    found: str = ""
    fix: str = ""

    @property
    def slot(self) -> str:
        """The document the field belongs to."""
        return self.path.partition(".")[0]

    @property
    def told(self) -> str:
        """The field, what is wrong with it, what was found and, on a line of its own, the fix."""
        found = f" (found {self.found})" if self.found else ""
        fix = f"\n      {self.fix}" if self.fix else ""
        return f"{self.path}: {self.message}{found}{fix}"

    def __str__(self) -> str:
        return f"{self.severity:6} {self.told}"

    def to_dict(self) -> dict[str, str]:
        """Return the finding as JSON values."""
        return asdict(self) | {"slot": self.slot, "severity": str(self.severity)}

    @classmethod
    def from_dict(cls, said: Mapping[str, str]) -> Self:
        """Return the finding that `to_dict` wrote."""
        kept = {name: text for name, text in said.items() if name not in ("slot", "severity")}
        return cls(Severity(said["severity"]), **kept)


def of_severity(findings: Iterable[Finding], severity: Severity) -> list[Finding]:
    """Return the findings of one severity."""
    return [finding for finding in findings if finding.severity == severity]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with errors first, keeping their order otherwise."""
    rank = list(Severity)
    return sorted(findings, key=lambda finding: rank.index(finding.severity))


def flag(path: str, value: str) -> str:
    """Return the flag that gives a field, as it is typed in a shell.

    Examples
    --------
    >>> print(flag('acquisition.streams."imec0.ap".modality', "ecephys"))
    --set 'acquisition.streams."imec0.ap".modality=ecephys'
    """
    return f"--set {shlex.quote(f'{path}={value}')}"


def how_to_give(path: str, example: str) -> str:
    """Return the flag and the line of a YAML file that give a field.

    Examples
    --------
    >>> print(how_to_give("subject.species", "mouse"))
    --set subject.species=mouse   or in a file:  subject: {species: mouse}
    """
    slot, _, field = path.partition(".")
    plain = re.fullmatch(r"[A-Za-z][\w./-]*( [\w./-]+)*|\[.*|\d+\.\d+", example)
    value = example if plain else json.dumps(example)
    return f"{flag(path, example)}   or in a file:  {slot}: {{{field}: {value}}}"
