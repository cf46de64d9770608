"""Maps of electrodes keep their places apart, and their proportions where these tell something."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
import pytest

from panneuro.portal.probes import probe_of


def made(x, y):
    """Return an asset with electrodes at some places."""
    table = pa.table({"rel_x": x, "rel_y": y, "location": ["CA1"] * len(x)})
    signals = [{"name": "electrodes", "rows": len(x)}]
    return SimpleNamespace(manifest=SimpleNamespace(signals=signals), rows=lambda _: table)


def test_an_array_keeps_its_proportions():
    grid = [(100.0 * column, 100.0 * row) for row in range(3) for column in range(6)]
    probe = probe_of(made(*zip(*grid, strict=True)))
    places = {(one.x, one.y) for one in probe.contacts}
    assert len(places) == 18
    across = max(x for x, _ in places) - min(x for x, _ in places)
    along = max(y for _, y in places) - min(y for _, y in places)
    assert across == pytest.approx(2.5 * along, abs=0.3)
    assert max(y for _, y in places) + probe.size <= probe.height


def test_a_shank_is_drawn_wider_than_it_is():
    probe = probe_of(made([16.0 * (at % 2) for at in range(40)], [20.0 * at for at in range(40)]))
    assert len({one.x for one in probe.contacts}) == 2
    assert probe.height > 4 * probe.width
    assert probe.contacts[0].y > probe.contacts[-1].y


@pytest.mark.parametrize("places", [([1.0, 1.0], [2.0, 2.0]), ([float("nan")] * 2, [0.0, 0.0])])
def test_places_that_are_all_one_are_no_map(places):
    assert probe_of(made(*places)) is None
