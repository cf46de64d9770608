"""The tree of mouse brain structures, so that an area finds the areas inside it.

The tree is the Allen Mouse Brain Common Coordinate Framework (CCFv3) of 1,327 structures. It is
read from the package at the first question. Areas it does not know, of other species or other
atlases, pass through unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

_TABLE = Path(__file__).parent / "tables" / "allen_ccf.tsv"


@dataclass(frozen=True, slots=True)
class Structure:
    """One structure of the atlas.

    Parameters
    ----------
    id : int
        Allen structure identifier; the 385 of ``MBA:385``.
    acronym, name : str
        As in ``VISp`` and ``Primary visual area``.
    parent : int or None
        Identifier of the structure it is part of.
    """

    id: int
    acronym: str
    name: str
    parent: int | None


class Atlas:
    """A tree of structures.

    Parameters
    ----------
    structures : iterable of Structure
        In atlas order.
    """

    def __init__(self, structures: Iterable[Structure]) -> None:
        self.by_id = {structure.id: structure for structure in structures}

    @cached_property
    def _exact(self) -> dict[str, Structure]:
        return {s.acronym: s for s in self.by_id.values()}

    @cached_property
    def _loose(self) -> dict[str, Structure]:
        index: dict[str, Structure] = {}
        for structure in self.by_id.values():
            for key in (structure.acronym, structure.name, f"MBA:{structure.id}"):
                index.setdefault(key.casefold(), structure)
        return index

    @cached_property
    def _children(self) -> dict[int, list[Structure]]:
        children: dict[int, list[Structure]] = {}
        for structure in self.by_id.values():
            if structure.parent is not None:
                children.setdefault(structure.parent, []).append(structure)
        return children

    def find(self, area: str) -> Structure | None:
        """Return the structure with this acronym, name or identifier, whatever the case.

        Where two acronyms differ only in case (``CM`` and ``cm``), the case decides.
        """
        return self._exact.get(area) or self._loose.get(area.strip().casefold())

    def ancestors(self, area: str) -> tuple[str, ...]:
        """Return the acronyms of the structures an area is part of, nearest first."""
        structure = self.find(area)
        found = []
        while structure is not None and structure.parent is not None:
            structure = self.by_id[structure.parent]
            found.append(structure.acronym)
        return tuple(found)

    def descendants(self, area: str) -> tuple[str, ...]:
        """Return the acronyms of all structures inside an area, in atlas order of depth."""
        structure = self.find(area)
        level = self._children.get(structure.id, []) if structure else []
        found: list[str] = []
        while level:
            found += [inner.acronym for inner in level]
            level = [below for inner in level for below in self._children.get(inner.id, [])]
        return tuple(found)


def _structures(text: str) -> Iterable[Structure]:
    for line in text.splitlines():
        if not line.startswith("#"):
            id_, acronym, parent, name = line.split("\t")
            yield Structure(int(id_), acronym, name, int(parent) if parent else None)


@cache
def allen() -> Atlas:
    """Return the atlas that ships inside the package, read at the first call."""
    return Atlas(_structures(_TABLE.read_text(encoding="utf-8")))


def find(area: str) -> Structure | None:
    """Return the structure with this acronym, name or identifier, or None.

    Examples
    --------
    >>> find("primary visual area").acronym
    'VISp'
    """
    return allen().find(area)


def ancestors(area: str) -> tuple[str, ...]:
    """Return the acronyms of the structures an area is part of, nearest first.

    Parameters
    ----------
    area : str
        Acronym, name or ``MBA:`` identifier, whatever the case. Nothing is above an unknown area.

    Examples
    --------
    >>> ancestors("VISp5")
    ('VISp', 'VIS', 'Isocortex', 'CTXpl', 'CTX', 'CH', 'grey', 'root')
    >>> ancestors("area 17")
    ()
    """
    return allen().ancestors(area)


def descendants(area: str) -> tuple[str, ...]:
    """Return the acronyms of all structures inside an area.

    Examples
    --------
    >>> descendants("VISp")
    ('VISp1', 'VISp2/3', 'VISp4', 'VISp5', 'VISp6a', 'VISp6b')
    """
    return allen().descendants(area)


def expand(areas: Iterable[str]) -> tuple[str, ...]:
    """Return areas together with everything they are part of, each once, in order.

    This is what an index stores for an asset, so that a search for ``VIS`` finds its layers.
    Known areas are written as the atlas writes them.

    Examples
    --------
    >>> expand(["visp", "area 17"])
    ('VISp', 'VIS', 'Isocortex', 'CTXpl', 'CTX', 'CH', 'grey', 'root', 'area 17')
    """
    found: dict[str, None] = {}
    for area in areas:
        structure = find(area)
        found |= dict.fromkeys((structure.acronym if structure else area, *ancestors(area)))
    return tuple(found)
