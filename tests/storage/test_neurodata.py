from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hdmf_zarr.nwb import NWBZarrIO

from panneuro.documents import read
from panneuro.signals.events import Events
from panneuro.signals.table import Table
from panneuro.storage.compose import compose

from .conftest import DOCUMENTS


def trains(*counts):
    """Return units with so many spikes each, no two at one time."""
    bounds = np.cumsum([0, *counts])
    times = np.arange(bounds[-1]) / 1000
    table = Table.from_frame("units", pd.DataFrame({"quality": ["good"] * len(counts)}))
    each = {number: times[first:last] for number, (first, last) in enumerate(pairwise(bounds))}
    return Events.from_trains("units", each, table)


@pytest.mark.parametrize("counts", [(255,), (200, 56), (300, 0, 300), (65_000, 535, 1), ()])
@pytest.mark.parametrize("name", ["units", "licks"])
def test_every_unit_ends_where_it_ends(tmp_path, counts, name):
    events = trains(*counts)
    events = Events(name, events.times, events.ends, events.ids, events.table)
    structure, _ = compose([events], read(DOCUMENTS))
    for path, data in structure.nodes.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with NWBZarrIO(str(tmp_path), mode="r") as io:
        session = io.read()
        table = session.units if name == "units" else session.processing["events"][name]
        column = "spike_times_index" if name == "units" else "event_times_index"
        ends = np.asarray(table[column].data[:])
    assert ends.tolist() == np.cumsum(counts).tolist()
    assert ends.dtype.kind == "u"
