"""Units are shown as a table, and nothing else that is stamped."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from panneuro.portal.populations import populations_of
from panneuro.portal.said import size_of

HTML = {"accept": "text/html"}


@pytest.mark.parametrize("units", [1, 2])
def test_lines_and_licks_are_no_units(units):
    path = "processing/events/nidq"
    said = {"kind": "events", "name": "nidq", "path": path, "units": units, "events": 7}
    assert populations_of(SimpleNamespace(manifest=SimpleNamespace(signals=[said]))) == ()
    assert size_of(said) == f"7 events of {units} kind{'s' * (units > 1)}"


def test_units_are_shown_with_their_numbers(lake, name, truth):
    (population,) = populations_of(lake[name])
    assert population.total == len(truth.trains)
    spikes = {unit.id: unit.spikes for unit in population.units}
    assert spikes == {100 + unit: len(train) for unit, train in truth.trains.items()}
    assert ("area", False) in population.columns


def test_the_way_to_the_next_unit_asks_for_nothing_more(client, name):
    base = f"/assets/{name}/signals/units/units"
    assert '/units/104"' in client.get(f"{base}/103", headers=HTML).text
    assert "/units/104?by=correct" in client.get(f"{base}/103?by=correct", headers=HTML).text
