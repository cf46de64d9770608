"""Who may do what with one asset, as far as who asks may know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from panneuro.access.roles import VERBS
from panneuro.access.statements import Embargo, Grant, Statement, Terms
from panneuro.core.entry import Entry
from panneuro.lake.acting import LakeFor


@dataclass(frozen=True)
class Allowance:
    """One statement that concerns an asset.

    Parameters
    ----------
    what : str
        Kind of statement: grant, link, embargo, terms.
    whom : str
        Whom it is about; the title of terms.
    role : str
        As what; empty where it gives none.
    on : str
        The search it is about; empty for everything.
    until : str
        When it ends; empty for never.
    """

    what: str
    whom: str
    role: str
    on: str
    until: str


@dataclass(frozen=True)
class Allowances:
    """What one may do with an asset, and who else may, as far as one may know.

    Parameters
    ----------
    may : dict
        What the actor may do, by verb, in words.
    known : tuple of Allowance
        The statements that concern the asset and that the actor owns, said or was given.
    """

    may: dict[str, str]
    known: tuple[Allowance, ...]

    @classmethod
    def of(cls, seen: LakeFor, reference: str) -> Allowances:
        """Return those of an asset that is there for the actor."""
        entry = seen.entry(reference)
        may = {verb: text for verb, text in VERBS.items() if seen.may(verb, reference)}
        return cls(may, tuple(_concerning(seen.sharing.statements(), entry)))


def _concerning(statements: list[Statement], entry: Entry) -> Iterator[Allowance]:
    for one in statements:
        if isinstance(one, Grant | Embargo | Terms) and one.on.matches(entry):
            yield Allowance(*_told(one), on=str(one.on), until=one.until)


def _told(one: Grant | Embargo | Terms) -> tuple[str, str, str]:
    match one:
        case Grant():
            return "link" if one.to.startswith("link:") else "grant", one.to, one.role
        case Terms():
            return "terms", one.title, ""
    return "embargo", "everyone", ""
