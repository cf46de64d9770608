"""Tables draw how their columns are distributed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")

from panneuro.analysis.quality import quality_table  # noqa: E402
from panneuro.analysis.quality_presets import PRESETS  # noqa: E402
from panneuro.core.errors import InputError  # noqa: E402

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def figures():
    yield
    for number in pyplot.get_fignums():
        pyplot.figure(number).draw_without_rendering()
    pyplot.close("all")


def test_a_table_draws_its_columns_with_the_limits_of_a_preset():
    trains = {unit: np.sort(RANDOM.uniform(0, 40, 400)) for unit in range(10)}
    axes = quality_table(trains, 0.0, 40.0).neuro.plot(PRESETS["allen"].limits)
    labels = [ax.get_xlabel() for ax in axes]
    assert labels[:3] == ["n spikes", "firing rate (Hz)", "presence ratio"]
    assert [line.get_xdata()[0] for line in axes[2].lines] == [0.95]
    with pytest.raises(InputError, match="no column of numbers"):
        pd.DataFrame({"area": ["V1"]}).neuro.plot()


def test_what_a_column_has_for_a_unit_is_what_its_name_ends_in():
    table = pd.DataFrame({"rate_hz": [1.0, 2.0]}, pd.Index([4, 7], name="unit"))
    (ax,) = table.neuro.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate (Hz)", "units")


def test_a_metric_that_no_unit_has_says_so():
    table = pd.DataFrame({"presence_ratio": [np.nan, np.nan], "firing_rate": [1.0, 2.0]})
    missing, _ = table.neuro.plot()
    assert missing.texts[0].get_text() == "no values"
