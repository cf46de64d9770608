"""What is given wrong is told, in all of the room: never a silent NaN, never another's error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from panneuro.analysis.action_potentials import action_potentials
from panneuro.analysis.adjacency import neighbours
from panneuro.analysis.bands import butterworth_taps, fir_taps, low_pass
from panneuro.analysis.behaviour import align, confident, without_blinks
from panneuro.analysis.bootstrap import bootstrap_mean
from panneuro.analysis.clusters import cluster_sign_test
from panneuro.analysis.communication import (
    canonical_correlations,
    prediction_test,
    reduced_rank_regression,
)
from panneuro.analysis.condition_spectra import chi_squared_interval
from panneuro.analysis.copula_information import to_normal
from panneuro.analysis.corrections import adjust
from panneuro.analysis.correlations import mean_by_area, noise_correlations
from panneuro.analysis.csd import standard_matrix
from panneuro.analysis.current_pulses import pulse_answer, pulses
from panneuro.analysis.decoding import decode, trial_features
from panneuro.analysis.decoding_by_area import compare_areas
from panneuro.analysis.detection import d_prime, d_prime_over_trials
from panneuro.analysis.excitability import excitability, firing
from panneuro.analysis.expected_correlograms import jitter_expectation
from panneuro.analysis.features import gabor_bank
from panneuro.analysis.fields import tuning_fields
from panneuro.analysis.filters import decimated
from panneuro.analysis.folds import make_folds
from panneuro.analysis.glm import bits_per_spike, fit_poisson
from panneuro.analysis.history import history_features, raised_cosines
from panneuro.analysis.information import possible_responses
from panneuro.analysis.isolation import isolation
from panneuro.analysis.linear_classifiers import LDA, Ridge
from panneuro.analysis.lines import without_lines
from panneuro.analysis.oscillations import envelope
from panneuro.analysis.permutation_tests import f_test, sign_test
from panneuro.analysis.permutations import p_values, permute
from panneuro.analysis.pseudo_population import pseudo_population
from panneuro.analysis.psth import psth_blocks, psth_tensor
from panneuro.analysis.psychometrics import fit_psychometric
from panneuro.analysis.rasters import raster
from panneuro.analysis.responses import (
    first_spike_latency,
    smooth,
    threshold_latency,
    trial_correlation,
    zscore,
)
from panneuro.analysis.spatial_information import spatial_information
from panneuro.analysis.spectra import multitaper, spectrogram
from panneuro.analysis.state_space import normal_moves, smooth_positions
from panneuro.analysis.sweep_quality import baseline, seal_test
from panneuro.analysis.synchrony import excess
from panneuro.analysis.trajectories import fit_line
from panneuro.analysis.tuning import fit_field, tuning_curves
from panneuro.analysis.wavelets import morlet
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

RANDOM = np.random.default_rng(0)
SWEEP = RANDOM.normal(size=2000)
ONE, OTHER = RANDOM.normal(size=(40, 4)), RANDOM.normal(size=(40, 3))
NO_TIME = xr.DataArray(np.ones((2, 3)), dims=("unit", "bin"))
NO_FRAMES = TimeSeries("nose", np.ones((0, 2)), rate_hz=30.0)
LFP = TimeSeries("lfp", RANDOM.normal(size=5000), "volts", rate_hz=1000.0)
RATES = xr.DataArray(np.ones((2, 3)), {"time": [0.0, 1.0, 2.0]}, ("unit", "time"))
SHOWN = Intervals.from_frame("shown", pd.DataFrame({"start_time": [0.0], "stop_time": [1.0]}))
PAIRS = xr.DataArray(np.ones((2, 2, 3)), dims=("unit", "other", "lag"))
UNCUED = Intervals.from_frame(
    "trials",
    pd.DataFrame(
        {"start_time": [0, 2], "stop_time": [1, 3], "cue": [0.5, np.nan], "side": ["L", "R"]}
    ),
)
PULSE = pd.DataFrame({"start_s": [0.0], "stop_s": [1.0], "amplitude_a": [1e-10], "n_spikes": [2]})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: action_potentials(np.zeros(12), 50_000.0), "16 or more"),
        (lambda: action_potentials(SWEEP, 0.0), "0.0 samples per second"),
        (lambda: pulses(SWEEP, np.nan), "nan samples per second"),
        (lambda: pulse_answer(SWEEP, 1e3, np.nan, 1.0, 1.0), "not in a sweep"),
        (lambda: pulse_answer(SWEEP, 1e3, 0.1, 1.0, np.nan), "not in a sweep"),
        (lambda: baseline(SWEEP, 1e3, -1.0), "from -1.0 to 2.0 s is not in"),
        (lambda: baseline(SWEEP, 1e3, 0.0, 9.0), "from 0.0 to 9.0 s is not in"),
        (lambda: seal_test(SWEEP, 1e3, 0.1, np.inf, 1.0), "not in a sweep"),
        (lambda: excitability(PULSE), "no column 'rate_hz'"),
        (lambda: firing([0.1, np.nan], 0.0, 1.0), "not all finite"),
        (lambda: reduced_rank_regression(ONE, OTHER, max_rank=0), "0 dimensions"),
        (lambda: canonical_correlations(ONE, OTHER, n_components=np.nan), "nan dimensions"),
        (lambda: permute(np.arange(4), 2.5, 0), "2.5 permutations"),
        (lambda: permute(np.arange(4), 3, -1), "seed -1"),
        (lambda: permute(np.arange(4), 3, np.nan), "seed nan"),
        (lambda: neighbours(np.inf), "along inf"),
        (lambda: envelope(LFP, "theta", every=2.0), "2.0 samples for each"),
        (lambda: morlet(LFP, [8.0], every=np.nan), "nan samples for each"),
        (lambda: decimated(LFP, np.inf), "inf samples"),
        (lambda: fir_taps("theta", np.inf), "signal of inf Hz"),
        (lambda: low_pass(-1.0, 1.0, 100.0), "about -1.0 Hz"),
        (lambda: gabor_bank(8.5, 8, cycles_per_pixel=[0.2]), "8.5 rows"),
        (lambda: raised_cosines(3, np.inf, 0.1), "inf s"),
        (lambda: normal_moves(np.inf, [0, 1, 2]), "step is inf"),
        (lambda: normal_moves(1.0, []), "bins of one width"),
        (lambda: fit_poisson(ONE, np.ones((40, 0))), "(40, 0)"),
        (lambda: d_prime_over_trials([1, 0], [1, 0], n_trials=np.inf), "inf trials"),
        (lambda: zscore(RATES, (0,)), "two ends"),
        (lambda: reduced_rank_regression(ONE, OTHER, ridge=-1.0), "penalty on areas is -1.0"),
        (lambda: canonical_correlations(ONE, OTHER, n_components=-1), "-1 dimensions"),
        (lambda: canonical_correlations(ONE, OTHER, ridge=np.nan), "penalty on areas is nan"),
        (lambda: prediction_test(ONE, OTHER, max_rank=-2), "-2 dimensions"),
        (lambda: neighbours(0), "length 0"),
        (lambda: cluster_sign_test(np.ones((5, 0)), 4.0), "length 0"),
        (lambda: sign_test([1.0]), "1 trials"),
        (lambda: LDA("a").strengths, "not in"),
        (lambda: LDA([0.1]).strengths, "not in"),
        (lambda: Ridge("a").strengths, "not above 0"),
        (lambda: to_normal([1.0, np.nan]), "not a number"),
        (lambda: d_prime(np.inf, 1, 1, 1), "numbers of trials"),
        (lambda: zscore(NO_TIME, (0, 1)), "dims unit, time"),
        (lambda: zscore(np.ones((2, 3)), (0, 1)), "must be a DataArray"),
        (lambda: threshold_latency(NO_TIME, (0, 1)), "dims time"),
        (lambda: raster({1: [0.1]}, [0.0], (0.0,)), "not two ends"),
        (lambda: first_spike_latency({1: [0.1]}, [0.0], (0.0, 0.0)), "does not last"),
        (lambda: tuning_fields([[-1], [0]], [0.0, 1.0], [0, 1, 2], 0.1), "and from 0"),
        (lambda: tuning_fields([["a"]], [0.0], [0, 1], 0.1), "type <U1"),
        (
            lambda: tuning_fields([[1], [0]], [0.0, 1.0], [0, 1, 2], 0.1, smoothing_bins=-1),
            "smoothed by -1 bins",
        ),
        (lambda: without_blinks(TimeSeries("eye", np.ones(0), rate_hz=60.0)), "0 samples"),
        (lambda: confident(NO_FRAMES, []), "0 frames"),
        (lambda: align(LFP, [80.0, 90.0], (-0.5, 0.5), 0.1), "80.000 to 90.000 s meets 'lfp'"),
        (lambda: align(NO_FRAMES, [0.0], (-0.5, 0.5), 0.1), "'nose', 0 samples"),
        (lambda: excess(-PAIRS, PAIRS), "counts of correlograms are not all"),
        (lambda: excess(PAIRS, PAIRS * np.nan), "expected counts of correlograms are not all"),
        (lambda: fit_psychometric([0, 1, 2], [0, 1, 1], level=2.0), "intervals of 2.0"),
        (lambda: fit_psychometric([0, 1, 2], [0, 1, 1], n_resamples=-1), "-1 resamples"),
        (lambda: fit_psychometric([0, 1, 2], [0, 1, 1], guess=0.6, lapse=0.6), "rates of 0.6"),
        (lambda: tuning_curves({1: [0.1]}, SHOWN, []), "no columns"),
        (lambda: fit_field(NO_TIME), "dims y and x"),
        (lambda: history_features([[-1], [1]], [[1.0]]), "below 0"),
        (lambda: history_features([[1], [1]], [[1.0]], max_bytes=1), "max_bytes allows"),
        (lambda: spatial_information([["a"]] * 40, np.zeros(40, int)), "counts have the shape"),
        (lambda: butterworth_taps((0.001, 300.0), 30_000.0), "7680000000 taps"),
        (lambda: butterworth_taps("theta", 1000.0, 2.5), "order 2.5"),
        (lambda: fir_taps((1.0,), 1000.0), "two edges"),
        (lambda: fir_taps((1e-4, 300.0), 30_000.0), "taps"),
        (lambda: possible_responses([], 5), "at least once each"),
        (lambda: fit_line(np.ones((3, 3)), -1), "-1 bins of a band"),
        (lambda: bits_per_spike([[np.inf]], [[1]]), "finite and above 0"),
        (lambda: bits_per_spike([[1.0]], [[np.nan]]), "counts are not all finite"),
    ],
)
def test_it_is_told(asked, message):
    with pytest.raises(InputError) as told:
        asked()
    assert message in str(told.value)


def test_what_is_not_known_is_nan_as_documented():
    silent = PULSE.assign(rate_hz=0.0, n_spikes=0, amplitude_a=0.0, baseline_v=-0.07, steady_v=0.0)
    assert np.isnan(excitability(silent)["input_resistance_ohm"])
    assert np.isnan(isolation(np.ones((10, 2)), [0] * 5 + [1] * 5, 0).d_prime)


TEXT = np.full((40, 4), "a")
TENSOR = xr.DataArray(np.ones((0, 3, 8)), dims=("presentation", "unit", "time"))
PAIRS = xr.DataArray(np.eye(3), dims=("unit", "other"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: list(psth_blocks({1: [0.1]}, [0.0], (0, 1), 0.5, max_bytes=np.nan)), "nan"),
        (lambda: psth_tensor({1: [0.1]}, [0.0], (0, 1), 0.5, max_bytes=np.nan), "max_bytes is nan"),
        (lambda: psth_tensor({1: [0.1]}, [0.0], (0, 1), 0.5, dtype="x"), "no dtype 'x'"),
        (lambda: psth_tensor({1: [0.1]}, [1j], (0, 1), 0.5), "onsets are no real numbers"),
        (lambda: trial_correlation(TENSOR), "no responses"),
        (lambda: trial_correlation(TENSOR.astype(str)), "no real numbers"),
        (lambda: threshold_latency(RATES, (0, 2), n_bins=1.5), "1.5 bins"),
        (lambda: smooth(RATES, 1e300), "1e\\+300 s"),
        (lambda: smooth_positions(np.zeros((0, 3)), ([1.0],)), r"shape \(0, 3\)"),
        (lambda: smooth_positions(np.zeros(3), ([1.0],)), r"shape \(3,\)"),
        (lambda: normal_moves(1.0, [0.0, 0.0, 0.0]), "bins of one width"),
        (lambda: bootstrap_mean(TEXT), "samples of a bootstrap are no real"),
        (lambda: adjust(["a"]), "p-values are no"),
        (lambda: p_values(["a"], [1.0]), "statistics are no"),
        (lambda: permute(1.5, 3, 0), "not one row"),
        (lambda: f_test(TEXT, np.arange(40) % 2), "no real numbers"),
        (lambda: f_test(1.5, [0, 1]), "asked of 1.5"),
        (lambda: sign_test(np.nan), "asked of nan"),
        (lambda: cluster_sign_test(np.nan, 4.0), "1 trials"),
        (lambda: reduced_rank_regression(TEXT, OTHER), "activity of areas are no"),
        (lambda: reduced_rank_regression(ONE, OTHER, folds=np.nan), "nan folds"),
        (lambda: mean_by_area(PAIRS.rename(other="b"), ["a"] * 3), "unit and other"),
        (lambda: mean_by_area(PAIRS[:, :2], ["a"] * 3), "as long as each other"),
        (lambda: noise_correlations(1.5, [0], types=[0, 1]), "types of shape"),
        (lambda: excess(PAIRS, PAIRS.astype(str)), "expected counts are no"),
        (lambda: jitter_expectation({1: [0.1]}, jitter_s=1e300), "1e\\+300 s"),
        (lambda: make_folds([0, 1] * 4, np.nan), "nan folds"),
        (lambda: make_folds([0, 1] * 4, 2, groups=[None] * 8), "groups are missing"),
        (lambda: compare_areas(ONE, np.arange(40) % 2, list("aabb"), n_units=1.5), "1.5 units"),
        (lambda: decode(ONE, np.arange(40) % 2, n_permutations=True), "True permutations"),
        (lambda: pseudo_population([(ONE, np.arange(40) % 2)], n_trials=1.5), "1.5 trials"),
        (lambda: trial_features({1: [0.1]}, SHOWN, (1.0,)), "not two ends"),
        (lambda: trial_features({1: [0.1]}, UNCUED, (0, 1), anchor="cue"), "1 of 2 trials have no"),
        (lambda: trial_features({1: [0.1]}, UNCUED, (0, 1), anchor="side"), "times of 'side' are"),
        (lambda: tuning_curves({1: [0.1]}, SHOWN, "stop_time", window_s=(1.0,)), "not two ends"),
        (lambda: standard_matrix([0.0, 1.0, 2.0], np.nan), "conductivity must be positive"),
        (lambda: low_pass(10.0, 5.0, 1000.0, np.nan), "stops nan dB"),
        (lambda: spectrogram(LFP, 1e300), "too long"),
        (lambda: multitaper(LFP, [1e300], (0, 0.5)), "not wholly"),
        (lambda: chi_squared_interval(["a"], 10.0), "power are no"),
    ],
)
def test_what_is_empty_or_no_number_is_told(asked, message):
    with pytest.raises(InputError, match=message):
        asked()


def test_a_silent_recording_has_no_line():
    silent = TimeSeries("lfp", np.zeros((4000, 2)), "volts", rate_hz=1000.0)
    assert not without_lines(silent, 50.0, max_hz=200.0).data[:].any()


def test_no_limit_on_memory_is_a_limit():
    ((rows, counts),) = psth_blocks({1: [0.1]}, [0.0], (0, 1), 0.5, max_bytes=np.inf)
    assert (rows, counts.tolist()) == (slice(0, 1), [[[1, 0]]])
