"""Ranking follows BM25."""

from __future__ import annotations

import math

import pytest

from panneuro.catalog.rank import impact, impact_levels, rarity, score
from panneuro.core.conditions import Words


def test_impact_is_that_of_the_formula() -> None:
    # Robertson & Zaragoza 2009, equation 3.15, with k1 = 1.2, b = 0.75 and a mean length of 48
    assert impact(1, 48) == pytest.approx(1.0)
    assert impact(3, 48) == pytest.approx(3 * 2.2 / 4.2)
    assert impact(1, 0) == pytest.approx(2.2 / 1.3)


def test_levels_rise_with_impact() -> None:
    assert [impact_levels(times, 48) for times in (1, 2, 5)] == [1, 2, 3]
    assert impact_levels(1, 4) >= impact_levels(1, 48) >= impact_levels(1, 4_000)


def test_rare_words_tell_apart() -> None:
    assert rarity(1, 1_000) == pytest.approx(math.log(1 + 999.5 / 1.5))
    assert rarity(1_000, 1_000) > 0


def test_a_score_sums_what_each_word_weighs() -> None:
    wanted = [(Words(("sharp", "wave")), 2.0), (Words(("ca1",)), 1.0)]
    text = " sharp wave ripples \n ca1 "
    length = text.count(" ")
    assert score(text, wanted) == pytest.approx(2 * impact(1, length) + impact(1, length))
    assert score(" ca3 ", wanted) == 0
