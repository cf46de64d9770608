"""Ranking by BM25 (Robertson & Zaragoza 2009, section 3.2), with a fixed mean length."""

from __future__ import annotations

import math
from collections.abc import Sequence

from panneuro.core.conditions import Words

_K1 = 1.2
_B = 0.75
_MEAN_LENGTH = 48
_STRONG = 1.2
_TOP = 1.5


def impact(times: int, length: int) -> float:
    """Return how much a word weighs in a text, from 0 to 2.2, however rare it is.

    Parameters
    ----------
    times : int
        How often the word occurs.
    length : int
        Number of words in the text.
    """
    norm = 1 - _B + _B * length / _MEAN_LENGTH
    return times * (_K1 + 1) / (times + _K1 * norm)


def impact_levels(times: int, length: int) -> int:
    """Return the impact in steps: 1, 2 for a strong one, 3 for one of the strongest."""
    weight = impact(times, length)
    return 1 + (weight >= _STRONG) + (weight >= _TOP)


def rarity(matching: int, total: int) -> float:
    """Return how much a word tells apart: BM25's inverse document frequency."""
    return math.log(1 + (total - matching + 0.5) / (matching + 0.5))


def score(words: str, wanted: Sequence[tuple[Words, float]]) -> float:
    """Return the BM25 score of an entry.

    Parameters
    ----------
    words : str
        What `Entry.words` returned.
    wanted : sequence of (Words, float)
        What is searched for, each with its rarity.
    """
    length = words.count(" ")
    return sum(weight * impact(words.count(one.run), length) for one, weight in wanted)
