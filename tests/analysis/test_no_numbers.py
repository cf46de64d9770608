"""What is no number is told wherever numbers are asked for, never converted or passed on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panneuro.analysis.behaviour import align, confident, running_speed
from panneuro.analysis.ceilings import noise_ceiling, normalised_correlation
from panneuro.analysis.clusterless import decode_clusterless
from panneuro.analysis.copula_information import gaussian_copula_information, to_normal
from panneuro.analysis.features import gabor_bank, gabor_energy, motion_energy
from panneuro.analysis.fields import tuning_fields
from panneuro.analysis.glm import bits_per_spike, fit_poisson
from panneuro.analysis.history import filters_of, history_features, raised_cosines
from panneuro.analysis.information import mutual_information, possible_responses
from panneuro.analysis.isolation import isolation
from panneuro.analysis.place import decode_position
from panneuro.analysis.psychometrics import fit_psychometric, psychometric_curve
from panneuro.analysis.quality import amplitude_cutoff, drift, noise_cutoff, noise_level, snr
from panneuro.analysis.refractory import isi_violations_ratio, sliding_rp_violation
from panneuro.analysis.replay import score_replays
from panneuro.analysis.sequences import lag_profile, rank_order
from panneuro.analysis.spatial_information import spatial_information
from panneuro.analysis.trajectories import fit_line, weighted_correlation
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

RANDOM = np.random.default_rng(0)
COUNTS, WHERE = RANDOM.poisson(2, (40, 3)), np.arange(40) % 10 + 0.5
LABELS, EDGES = np.arange(40) % 2, np.arange(11.0)
REPEATS, TIMES = RANDOM.normal(size=(2, 10, 4)), np.arange(600) / 10
BASIS, BANK = np.ones((4, 3)), gabor_bank(8, 8, cycles_per_pixel=[0.2], n_orientations=2)
FILM, POSE = RANDOM.normal(size=(5, 8, 8)), TimeSeries("nose", np.ones((50, 2)), rate_hz=25.0)
CALLS = [
    (tuning_fields, {"counts": COUNTS, "positions": WHERE, "edges": EDGES}, {"bin_s": 0.1}),
    (decode_position, {"counts": COUNTS, "positions": WHERE, "edges": EDGES}, {"bin_s": 0.1}),
    (
        decode_clusterless,
        {"positions": WHERE, "edges": EDGES, "mark_sd": 1.0},
        {"spikes": [(TIMES[:40], COUNTS)], "bin_s": 0.1},
    ),
    (spatial_information, {"counts": COUNTS, "places": WHERE.astype(int)}, {}),
    (weighted_correlation, {"posterior": np.ones((4, 10)), "positions": WHERE[:10]}, {}),
    (fit_line, {"posterior": np.ones((4, 10))}, {}),
    (rank_order, {"times_s": TIMES[:6], "template": TIMES[:6]}, {}),
    (lag_profile, {"posterior": np.ones((40, 2)) / 2}, {"items": LABELS}),
    (mutual_information, {"counts": COUNTS}, {"labels": LABELS}),
    (possible_responses, {"counts": [1, 2]}, {"n_most": 4}),
    (gaussian_copula_information, {"responses": COUNTS}, {"labels": LABELS}),
    (to_normal, {"values": WHERE}, {}),
    (fit_poisson, {"features": COUNTS / 9, "counts": COUNTS, "ridge": 0.1}, {}),
    (bits_per_spike, {"rates": COUNTS + 1.0, "counts": COUNTS}, {}),
    (history_features, {"counts": COUNTS, "basis": BASIS}, {}),
    (filters_of, {"weights": np.ones((6, 2)), "basis": BASIS}, {}),
    (gabor_bank, {"cycles_per_pixel": [0.2]}, {"height": 8, "width": 8}),
    (noise_ceiling, {"responses": REPEATS}, {}),
    (normalised_correlation, {"predicted": REPEATS[..., 0], "responses": REPEATS}, {}),
    (amplitude_cutoff, {"amplitudes": TIMES}, {}),
    (noise_cutoff, {"amplitudes": TIMES}, {}),
    (noise_level, {"samples": COUNTS}, {}),
    (snr, {"template": WHERE}, {"noise": 2.0}),
    (drift, {"times_s": TIMES, "positions": TIMES}, {"start_s": 0.0, "stop_s": 60.0}),
    (isi_violations_ratio, {"times_s": TIMES}, {"duration_s": 60.0}),
    (isolation, {"features": COUNTS}, {"labels": LABELS, "unit": 0}),
    (confident, {"likelihood": np.ones(50)}, {"pose": POSE}),
    (align, {"onsets_s": [1.0]}, {"signal": POSE, "window_s": (-0.2, 0.2), "step_s": 0.1}),
    (psychometric_curve, {"stimulus": LABELS, "chose": LABELS}, {}),
]


@pytest.mark.parametrize(
    ("function", "name"), [(of, name) for of, given, _ in CALLS for name in given]
)
@pytest.mark.parametrize("wrong", ["text", "complex", "ragged", "object", "none"])
def test_what_is_no_number_is_told(function, name, wrong):
    given, rest = next((given, rest) for of, given, rest in CALLS if of is function)
    array = np.asarray(given[name])
    values = {
        "text": array.astype(str),
        "complex": array + 1j,
        "ragged": [[1], [2, 3]],
        "object": np.full(array.shape, object()),
        "none": None,
    }
    with pytest.raises(InputError):
        function(**{**given, **rest, name: values[wrong]})


@pytest.mark.parametrize(
    "asked",
    [
        lambda: tuning_fields(COUNTS, WHERE, EDGES, None),
        lambda: tuning_fields(COUNTS, WHERE, EDGES, 0.1, smoothing_bins="a"),
        lambda: decode_position(COUNTS, WHERE, EDGES, 0.1, step="a"),
        lambda: spatial_information(COUNTS, LABELS, min_shift=2.5),
        lambda: fit_poisson(COUNTS / 9, COUNTS, tolerance=np.nan),
        lambda: fit_poisson(COUNTS / 9, COUNTS, groups=["a"] * 3, group_penalty=1.0),
        lambda: raised_cosines(3, None, 0.1),
        lambda: raised_cosines(3, 1e300, 0.1),
        lambda: motion_energy(FILM, BANK, "60"),
        lambda: motion_energy(FILM, BANK, 60.0, cycles_per_sigma=1e300),
        lambda: gabor_energy(FILM + 1j, BANK),
        lambda: amplitude_cutoff(TIMES, n_bins=-1),
        lambda: amplitude_cutoff(TIMES, smoothing_bins=0),
        lambda: noise_cutoff(TIMES, upper_share=np.nan),
        lambda: drift(TIMES, TIMES, 0.0, 60.0, min_valid=None),
        lambda: snr(WHERE, None),
        lambda: sliding_rp_violation(TIMES, 60.0, confidence=None),
        lambda: isolation(COUNTS, LABELS, 0, n_neighbours=2.5),
        lambda: isolation(COUNTS, LABELS, 0, max_spikes=0),
        lambda: running_speed(TimeSeries("w", TIMES, rate_hz=9.0), radius_m=np.nan),
        lambda: running_speed(TimeSeries("w", TIMES.astype(str), rate_hz=9.0)),
        lambda: align(POSE, [1.0], (-0.2, 0.2), 0.1, baseline_s=np.nan),
        lambda: align(POSE, [1.0], (-0.2, 0.2), 0.1, longest_s=-1.0),
        lambda: confident(POSE, np.ones(50), least=None),
        lambda: psychometric_curve(LABELS, LABELS, level=None),
        lambda: fit_psychometric(LABELS, LABELS, guess="a"),
        lambda: noise_ceiling(np.full((1, 4, 3), np.inf)),
    ],
)
def test_options_that_are_no_numbers_are_told(asked):
    with pytest.raises(InputError):
        asked()


def test_units_that_are_not_those_of_the_fields_are_told():
    fields = tuning_fields(COUNTS, WHERE, EDGES, 0.1)
    events = Intervals.from_frame("b", pd.DataFrame({"start_time": [0.0], "stop_time": [1.0]}))
    with pytest.raises(InputError, match="0 units were given fields of 3"):
        score_replays({}, events, fields)
