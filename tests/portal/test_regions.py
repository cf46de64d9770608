"""Outlines go around exactly the pixels of a region."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.portal import regions
from panneuro.portal.regions import outline, regions_of

PLACES = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40)


def filled(path):
    """Return the pixels inside a path, by the even-odd rule."""
    inside = set()
    edges = []
    for loop in path.split("z")[:-1]:
        at = start = tuple(map(int, re.match(r"M(\d+) (\d+)", loop).groups()))
        for way, value in re.findall(r"([HV])(\d+)", loop):
            to = (int(value), at[1]) if way == "H" else (at[0], int(value))
            edges.append((at, to))
            at = to
        edges.append((at, start))
    for x in range(10):
        for y in range(10):
            crossed = sum(
                a[0] == b[0] and a[0] > x and min(a[1], b[1]) <= y < max(a[1], b[1])
                for a, b in edges
            )
            if crossed % 2:
                inside.add((x, y))
    return inside


@given(PLACES)
def test_an_outline_is_around_its_pixels(places):
    assert filled(outline(np.array(sorted(places)))) == places


class Made:
    """An asset of one table of regions and an image."""

    def __init__(self, masks, shape=(8, 9), name="rois", image="mean_image", **columns):
        self.table = pa.table({"pixel_mask": masks, **columns})
        self.manifest = self
        self.signals = [
            {"kind": "table", "name": name, "rows": len(masks), "columns": self.table.column_names},
            {"kind": "frames", "name": image, "file": "", "shape": list(shape)},
        ]

    def rows(self, _):
        return self.table


def mask(*places):
    return [{"x": x, "y": y, "weight": 1.0} for x, y in places]


def test_regions_lie_on_the_image_that_holds_them():
    (found,) = regions_of(Made([mask((1, 2)), mask((8, 7))], is_cell=[True, False]))
    assert (found.width, found.height, found.image, found.total) == (9, 8, "mean_image", 2)
    assert [one.is_cell for one in found.outlines] == [True, False]
    assert found.outlines[0].path == "M1 2H2V3H1z"


def test_an_image_that_is_too_small_is_not_theirs():
    (found,) = regions_of(Made([mask((20, 30))]))
    assert (found.width, found.height, found.image) == (21, 31, "")


@pytest.mark.parametrize("places", [mask(), mask((-1, 2)), mask((1e9, 2)), None])
def test_places_that_are_none_are_left_out(places):
    (found,) = regions_of(Made([mask((1, 1)), places]))
    assert [one.row for one in found.outlines] == [0]


def test_masks_may_be_images():
    made = Made([mask((1, 1))])
    made.table = pa.table({"image_mask": [[[0.0, 0.0], [0.0, 0.5], [0.0, 0.0]]]})
    made.signals[0]["columns"] = ["image_mask"]
    (found,) = regions_of(made)
    assert found.outlines[0].path == "M1 1H2V2H1z"


def test_cells_are_drawn_before_others_and_no_more_than_a_page_bears(monkeypatch):
    monkeypatch.setattr(regions, "_MOST", 1)
    (found,) = regions_of(Made([mask((1, 1)), mask((2, 2))], is_cell=[False, True]))
    assert ([one.row for one in found.outlines], found.total) == ([1], 2)
    monkeypatch.setattr(regions, "_MOST_BYTES", 10)
    assert regions_of(Made([mask((1, 1))])) == ()
