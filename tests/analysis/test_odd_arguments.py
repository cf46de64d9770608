"""Whatever is given in place of an argument, it is used or refused by an error of our own.

And a NaN that comes of it is one that the function's page speaks of.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.naive_bayes import GaussianNB

from panneuro.analysis.bands import band_edges, butterworth_taps, low_pass
from panneuro.analysis.behaviour import align, running_speed, without_blinks
from panneuro.analysis.bootstrap import bootstrap_mean
from panneuro.analysis.ceilings import noise_ceiling, normalised_correlation
from panneuro.analysis.clusterless import decode_clusterless
from panneuro.analysis.coherence import chance_coherence, coherence
from panneuro.analysis.communication import canonical_correlations, reduced_rank_regression
from panneuro.analysis.condition_spectra import chi_squared_interval, power_by_condition
from panneuro.analysis.continual import Session, learn_continually
from panneuro.analysis.correlation_tests import noise_correlation_type_test
from panneuro.analysis.correlations import (
    mean_by_area,
    noise_correlations,
    signal_correlations,
)
from panneuro.analysis.correlograms import correlograms
from panneuro.analysis.csd import current_source_density, inverse_matrix
from panneuro.analysis.decoding import decode, trial_features
from panneuro.analysis.decoding_over_time import decode_over_time, generalise_over_time
from panneuro.analysis.detection import d_prime
from panneuro.analysis.expected_correlograms import jitter_expectation, shift_predictor
from panneuro.analysis.features import gabor_bank, gabor_energy
from panneuro.analysis.fields import tuning_fields
from panneuro.analysis.filters import decimated, filtered, notch
from panneuro.analysis.folds import make_folds
from panneuro.analysis.glm import bits_per_spike, fit_poisson
from panneuro.analysis.history import history_features, raised_cosines
from panneuro.analysis.information import mutual_information, possible_responses
from panneuro.analysis.isolation import isolation, isolation_table
from panneuro.analysis.lines import without_lines
from panneuro.analysis.locking import phase_locking, spike_triggered_average
from panneuro.analysis.permutations import p_values, permute
from panneuro.analysis.place import decode_position, position_posterior
from panneuro.analysis.pseudo_population import pseudo_population
from panneuro.analysis.psth import count_windows, psth_by_condition, psth_tensor
from panneuro.analysis.psychometrics import fit_psychometric, psychometric_curve
from panneuro.analysis.quality import (
    amplitude_cutoff,
    drift,
    noise_cutoff,
    presence_ratio,
    quality_table,
)
from panneuro.analysis.quality_presets import passes
from panneuro.analysis.refractory import (
    hill_contamination,
    isi_violations_ratio,
    rp_contamination,
)
from panneuro.analysis.replay import score_replay, score_replays
from panneuro.analysis.responses import (
    fano_factor,
    smooth,
    threshold_latency,
    trial_correlation,
    zscore,
)
from panneuro.analysis.selectivity import lifetime_sparseness, selectivity
from panneuro.analysis.sequences import item_fields, rank_order
from panneuro.analysis.spectra import multitaper, spectrogram, welch
from panneuro.analysis.state_space import normal_moves, smooth_positions
from panneuro.analysis.synchrony import excess
from panneuro.analysis.traces import evaluate
from panneuro.analysis.tuning import fit_field, tuning_curves
from panneuro.analysis.wavelets import morlet
from panneuro.core.errors import PanneuroError
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

RANDOM = np.random.default_rng(0)
LFP = TimeSeries("lfp", RANDOM.normal(size=(1000, 3)), "volts", rate_hz=500.0)
UNITS = {unit: np.sort(RANDOM.uniform(0, 2, 30)) for unit in range(3)}
ON = np.arange(0.2, 1.6, 0.12)
KINDS = np.arange(12) % 2
SHOWN = np.arange(12) % 4
TRIALS = Intervals.from_frame(
    "trials", pd.DataFrame({"start_time": ON, "stop_time": ON + 0.1, "angle": SHOWN * 45.0})
)
COUNTS = RANDOM.poisson(3, (12, 4))
AREAS = ["V1", "V1", "LM", "LM"]
AROUND = (-0.1, 0.1)
WHERE = np.abs(np.arange(120) % 20 - 10.0)
SPIKES = RANDOM.poisson(2, (120, 4))
FIELDS = tuning_fields(SPIKES, WHERE, np.arange(0, 11, 1.0), 0.1)
BANK = gabor_bank(8, 8, cycles_per_pixel=[0.2], n_orientations=2)
TIMES, SIZES = np.sort(RANDOM.uniform(0, 100, 300)), RANDOM.normal(80, 10, 300)
RATES = xr.DataArray(RANDOM.random((3, 8)), {"time": np.arange(8) / 10 - 0.35}, ("unit", "time"))
TUNED = xr.DataArray(
    RANDOM.random((3, 4)), {"orientation": [0, 45, 90, 135]}, ("unit", "orientation")
)
MAP = xr.DataArray(RANDOM.random((3, 4)), {"x": np.arange(4.0), "y": np.arange(3.0)}, ("y", "x"))
PAIRS = correlograms(UNITS, max_lag_s=0.02)
TABLE = quality_table(UNITS, 0.0, 2.0)
EYE = TimeSeries("pupil", 3 + RANDOM.random(200), "mm", rate_hz=50.0)
REPEATS = RANDOM.normal(size=(2, 5, 3))
CHOICES = RANDOM.random(120) < np.repeat([0.1, 0.3, 0.8, 0.9], 30)
TENSOR = xr.DataArray(RANDOM.poisson(2, (6, 3, 8)), dims=("presentation", "unit", "time"))

CALLS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (count_windows, {"units": UNITS, "starts_s": ON, "stops_s": ON + 0.1, "max_bytes": 10**6}),
    (psth_tensor, {"units": UNITS, "onsets_s": ON, "window_s": AROUND, "bin_s": 0.05}),
    (
        psth_by_condition,
        {"units": UNITS, "onsets_s": ON, "conditions": KINDS, "window_s": AROUND, "bin_s": 0.05},
    ),
    (smooth, {"rates": RATES, "sd_s": 0.1}),
    (zscore, {"rates": RATES, "baseline_s": (-0.4, 0.0)}),
    (threshold_latency, {"rates": RATES, "baseline_s": (-0.4, 0.0), "n_sd": 3.0, "n_bins": 2}),
    (trial_correlation, {"responses": TENSOR}),
    (lifetime_sparseness, {"rates": TUNED, "dim": "orientation"}),
    (fano_factor, {"counts": xr.DataArray(COUNTS, dims=("presentation", "unit"))}),
    (selectivity, {"rates": TUNED, "dim": "orientation", "of": "orientation", "method": "vector"}),
    (tuning_curves, {"units": UNITS, "presentations": TRIALS, "by": "angle", "window_s": (0, 0.1)}),
    (fit_field, {"field": MAP}),
    (filtered, {"signal": LFP, "band": (20.0, 40.0)}),
    (evaluate, {"signal": LFP}),
    (notch, {"signal": LFP, "line_hz": 50.0, "width_hz": 8.0}),
    (decimated, {"signal": LFP, "every": 4}),
    (band_edges, {"band": "theta", "rate_hz": 1000.0}),
    (low_pass, {"cutoff_hz": 40.0, "transition_hz": 10.0, "rate_hz": 500.0, "stopband_db": 100.0}),
    (butterworth_taps, {"band": (20.0, 40.0), "rate_hz": 500.0, "order": 4}),
    (welch, {"signal": LFP, "segment_s": 0.5, "overlap": 0.5, "max_hz": 90.0, "epochs": [(0, 1)]}),
    (multitaper, {"signal": LFP, "onsets_s": ON, "window_s": AROUND, "half_bandwidth_hz": 20.0}),
    (spectrogram, {"signal": LFP, "duration_s": 0.5, "step_s": 0.1, "max_hz": 90.0}),
    (
        power_by_condition,
        {"signal": LFP, "onsets_s": ON, "conditions": KINDS, "window_s": AROUND, "level": 0.9},
    ),
    (chi_squared_interval, {"power": np.ones(3), "degrees": 10.0, "level": 0.95}),
    (morlet, {"signal": LFP, "frequencies_hz": [20.0], "n_cycles": 6.0, "every": 2}),
    (coherence, {"signal": LFP, "onsets_s": ON, "window_s": AROUND, "kind": "squared"}),
    (chance_coherence, {"observations": 10, "level": 0.95}),
    (phase_locking, {"units": UNITS, "signal": LFP, "band": (20.0, 40.0), "epochs": [(0, 1)]}),
    (spike_triggered_average, {"units": UNITS, "signal": LFP, "window_s": AROUND}),
    (
        current_source_density,
        {"signal": LFP, "depths_m": np.arange(3) * 1e-4, "conductivity": 0.3, "diameter_m": 5e-4},
    ),
    (inverse_matrix, {"depths_m": np.arange(4) * 1e-4, "method": "delta", "diameter_m": 5e-4}),
    (without_lines, {"signal": LFP, "line_hz": 50.0, "duration_s": 1.0, "max_hz": 200.0}),
    (correlograms, {"units": UNITS, "max_lag_s": 0.02, "bin_s": 0.001, "rate_hz": 30_000.0}),
    (jitter_expectation, {"units": UNITS, "jitter_s": 0.025, "max_lag_s": 0.02}),
    (shift_predictor, {"units": UNITS, "trials": TRIALS, "conditions": KINDS, "n_shifts": 1}),
    (excess, {"observed": PAIRS, "expected": PAIRS}),
    (noise_correlations, {"counts": COUNTS, "conditions": KINDS, "types": KINDS}),
    (signal_correlations, {"counts": COUNTS, "conditions": SHOWN}),
    (mean_by_area, {"correlations": noise_correlations(COUNTS, KINDS), "areas": AREAS}),
    (
        noise_correlation_type_test,
        {
            "counts": COUNTS,
            "conditions": SHOWN,
            "types": SHOWN // 2,
            "areas": AREAS,
            "n_permutations": 3,
        },
    ),
    (reduced_rank_regression, {"source": COUNTS[:, :2], "target": COUNTS[:, 2:], "folds": 3}),
    (canonical_correlations, {"source": COUNTS[:, :2], "target": COUNTS[:, 2:], "folds": 3}),
    (p_values, {"observed": [1.0, 2.0], "null": [1.0, 2.0, 3.0], "tail": "greater"}),
    (permute, {"values": KINDS, "n_permutations": 3, "seed": 0, "within": KINDS}),
    (bootstrap_mean, {"samples": COUNTS, "level": 0.95, "n_resamples": 9, "within": KINDS}),
    (trial_features, {"units": UNITS, "trials": TRIALS, "window_s": (0, 0.1)}),
    (decode, {"features": COUNTS, "labels": KINDS, "folds": 3, "n_permutations": 3}),
    (decode_over_time, {"features": COUNTS[:, :, None], "labels": KINDS, "folds": 3}),
    (generalise_over_time, {"features": COUNTS[:, :, None], "labels": KINDS, "n_permutations": 3}),
    (make_folds, {"labels": KINDS, "n_folds": 3, "groups": np.arange(12) // 2}),
    (pseudo_population, {"sessions": [(COUNTS, KINDS)] * 2, "n_trials": 3}),
    (learn_continually, {"model": GaussianNB(), "sessions": [Session(*(COUNTS, KINDS) * 2)] * 2}),
    (mutual_information, {"counts": COUNTS, "labels": KINDS, "n_permutations": 3}),
    (possible_responses, {"counts": [1, 2, 3], "n_most": 6}),
    (fit_poisson, {"features": COUNTS[:, :2] / 9, "counts": COUNTS[:, 2:] + 1, "ridge": 0.1}),
    (raised_cosines, {"n_basis": 3, "last_s": 0.05, "bin_s": 0.01, "bend_s": 0.005}),
    (history_features, {"counts": COUNTS, "basis": np.ones((4, 2)), "starts": [0, 6]}),
    (gabor_energy, {"images": RANDOM.normal(size=(3, 8, 8)), "bank": BANK}),
    (noise_ceiling, {"responses": REPEATS}),
    (normalised_correlation, {"predicted": REPEATS[..., 0], "responses": REPEATS}),
    (bits_per_spike, {"rates": COUNTS + 1.0, "counts": COUNTS}),
    (tuning_fields, {"counts": SPIKES, "positions": WHERE, "edges": np.arange(11.0), "bin_s": 0.1}),
    (position_posterior, {"counts": SPIKES[:5], "fields": FIELDS, "bin_s": 0.1}),
    (
        decode_position,
        {
            "counts": SPIKES,
            "positions": WHERE,
            "edges": np.arange(11.0),
            "bin_s": 0.1,
            "folds": 4,
            "step": 1.0,
        },
    ),
    (
        decode_clusterless,
        {
            "spikes": [(TIMES[:40] / 9, SPIKES[:40])],
            "positions": WHERE,
            "edges": np.arange(11.0),
            "bin_s": 0.1,
            "folds": 4,
            "mark_sd": 1.0,
        },
    ),
    (smooth_positions, {"log_likelihood": -RANDOM.random((9, 5)), "kernels": ([0.2, 0.6, 0.2],)}),
    (normal_moves, {"step": 1.0, "edges": np.arange(6.0)}),
    (score_replay, {"counts": SPIKES[:8], "fields": FIELDS, "bin_s": 0.02, "n_shuffles": 3}),
    (
        score_replays,
        {"units": UNITS | {3: []}, "events": TRIALS, "fields": FIELDS, "n_shuffles": 3},
    ),
    (rank_order, {"times_s": np.arange(5.0), "template": np.arange(5.0), "n_shuffles": 9}),
    (item_fields, {"counts": COUNTS, "items": KINDS, "bin_s": 0.1}),
    (presence_ratio, {"times_s": TIMES, "start_s": 0.0, "stop_s": 100.0, "bin_s": 10.0}),
    (drift, {"times_s": TIMES, "positions": SIZES, "start_s": 0.0, "stop_s": 100.0}),
    (quality_table, {"units": UNITS, "start_s": 0.0, "stop_s": 2.0, "amplitudes": UNITS}),
    (amplitude_cutoff, {"amplitudes": SIZES, "n_bins": 50, "smoothing_bins": 3.0}),
    (noise_cutoff, {"amplitudes": SIZES, "n_bins": 50}),
    (hill_contamination, {"times_s": TIMES, "duration_s": 100.0}),
    (isi_violations_ratio, {"times_s": TIMES, "duration_s": 100.0}),
    (rp_contamination, {"times_s": TIMES, "duration_s": 100.0}),
    (passes, {"table": TABLE, "limits": {"presence_ratio": (0.9, None)}, "need": None}),
    (isolation, {"features": COUNTS, "labels": KINDS, "unit": 0, "n_neighbours": 2}),
    (isolation_table, {"features": COUNTS, "labels": KINDS, "n_neighbours": 2}),
    (without_blinks, {"pupil": EYE, "margin_s": 0.05, "longest_s": 0.1}),
    (running_speed, {"position": LFP.with_data(np.arange(99.0)), "smooth_sd_s": 0.05}),
    (align, {"signal": LFP, "onsets_s": ON, "window_s": AROUND, "step_s": 0.05}),
    (d_prime, {"hits": 10, "misses": 5, "false_alarms": 3, "correct_rejections": 9}),
    (psychometric_curve, {"stimulus": SHOWN, "chose": KINDS, "level": 0.95}),
    (fit_psychometric, {"stimulus": np.repeat(SHOWN[:4], 30), "chose": CHOICES, "n_resamples": 3}),
]
ODD = (
    *(None, "a", b"a", np.nan, np.inf, -1, 0, 2.5, True, 1j, 1e308, 10**400, {}, [], [None], ["a"]),
    *([[1], [1, 2]], object(), np.datetime64("2020-01-01"), {0: ["a"]}, {0: None}, (1.0, 0.0)),
)


def spoiled(given: Any) -> Iterator[Any]:
    """Yield what may stand in the place of an array, units or a signal, and is not quite it."""
    if given is UNITS:
        yield from ({0: []}, {0: [0.5]}, {0: [99.0]}, {0: [np.nan]}, {0: [2.0, 1.0]})
    if isinstance(given, TimeSeries):
        samples = np.asarray(given.data)
        yield from (given.with_data(samples[:n]) for n in (0, 1))
        yield from (given.with_data(samples * factor) for factor in (0.0, np.nan))
    if not isinstance(given, np.ndarray | xr.DataArray):
        return
    yield from (given[:0], given[:1], given[..., :0], given[::-1], given[0], given.astype(str))
    yield from (given.astype(object), given.astype(complex), np.asarray(given)[..., None])
    yield from (given * np.nan, -1 * given, given * 0, given * 1e300, given * 0 + 1)
    some = np.arange(given.size).reshape(given.shape) % 7 == 0
    yield from (given + np.where(some, odd, 0.0) for odd in (np.nan, np.inf))
    if isinstance(given, xr.DataArray):
        yield given.rename({given.dims[-1]: "elsewhere"})


@pytest.mark.parametrize(
    ("function", "arguments"), [pytest.param(*call, id=call[0].__name__) for call in CALLS]
)
def test_it_is_used_or_refused_by_an_error_of_ours(function, arguments):
    may = "NaN" in (inspect.getdoc(function) or "").partition("Returns\n")[2]
    may |= holds_nan(function(**arguments))
    for name, given in arguments.items():
        for odd in (*ODD, *spoiled(given)):
            with suppress(PanneuroError):
                assert may or not holds_nan(function(**{**arguments, name: odd})), (name, odd)


def holds_nan(found: Any) -> bool:
    """Return whether a result, used, has a NaN in it."""
    if isinstance(found, TimeSeries):
        return holds_nan(found.read(found.first_s, found.first_s + 0.1))
    if isinstance(found, xr.Dataset | pd.DataFrame):
        return any(holds_nan(found[name]) for name in found)
    if is_dataclass(found):
        return any(holds_nan(getattr(found, field.name)) for field in fields(found))
    if inspect.isgenerator(found):
        found = list(found)
    if isinstance(found, tuple | list):
        return any(map(holds_nan, found))
    array = np.asarray(found)
    return array.dtype.kind in "fc" and bool(np.isnan(array).any())
