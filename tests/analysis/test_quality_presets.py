"""Presets pass what those pass who use them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panneuro.analysis.quality_presets import PRESETS, passes
from panneuro.core.errors import InputError


def test_presets_pass_what_their_sources_pass():
    table = pd.DataFrame(
        {
            "isi_violations_ratio": [0.49, 0.5, 0.0, np.nan],
            "amplitude_cutoff": [0.09] * 4,
            "presence_ratio": [0.96, 0.95, 0.9, 0.96],
            "rp_contamination": [0.05, 0.2, 0.21, np.nan],
            "sliding_rp_violation": [0.005, 0.1, 0.105, np.nan],
            "noise_cutoff": [4.9, -3.0, 0.0, 0.0],
            "amplitude_median": [51e-6, 90e-6, 90e-6, 90e-6],
        }
    )
    assert passes(table, "allen").tolist() == [True, True, False, False]
    assert passes(table, "aind").tolist() == [True, False, True, False]
    assert passes(table, "llobet").tolist() == [True, True, False, False]
    assert passes(table, "ibl").tolist() == [True, True, False, False]
    at_limit = table.assign(noise_cutoff=[5.0, 4.9, 4.9, 4.9], amplitude_median=50e-6)
    for criterion in ("noise_cutoff", "amplitude_median"):
        assert not passes(at_limit, "ibl", need=(criterion,))[0]
    assert passes(table, {"presence_ratio": (None, 0.95)}).tolist() == [False, True, True, False]
    assert passes(table, PRESETS["allen"]).equals(passes(table, "allen"))
    assert all(preset.source and preset.limits for preset in PRESETS.values())
    with pytest.raises(InputError, match="no preset 'alien'"):
        passes(table, "alien")
    with pytest.raises(InputError, match="'amplitude_cutoff' is not in"):
        passes(table.drop(columns="amplitude_cutoff"), "allen")
