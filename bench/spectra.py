"""Spectra, envelopes, wavelets and coherence beside the packages that people use for them.

    python -m venv peers && peers/bin/pip install -e ".[analysis]" "dask[array]" elephant mne \
        spectral_connectivity
    peers/bin/python bench/spectra.py --minutes 10

One made-up field potential, 90 channels at 1,250 Hz, 16 bit, on disk: 1/f with theta and gamma.
Seconds are of the processor, with one thread for everybody, because the machine may be busy. Peers
take some parts of the work at full size only with hours or more memory than there is: then they get
a slice, which the line tells, and their seconds are scaled up, which is fair as they are linear in
what they are sliced by; their memory is that of the slice. Memory is the process's own, without
mapped files. Results are compared where a peer computes the same quantity. The limit is the part
that nobody can avoid, timed alone in the same run.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import dask
import dask.array as da
import elephant.spectral
import mne
import neo
import numpy as np
import quantities as pq
import scipy.fft
from mne.time_frequency import psd_array_multitaper, tfr_array_morlet
from scipy import signal as sps
from spectral_connectivity import Connectivity, Multitaper
from threadpoolctl import threadpool_limits

from panneuro.analysis.bands import fir_taps
from panneuro.analysis.coherence import coherence
from panneuro.analysis.condition_spectra import power_by_condition
from panneuro.analysis.oscillations import envelope
from panneuro.analysis.overlap import block_size
from panneuro.analysis.spectra import multitaper
from panneuro.analysis.traces import evaluate
from panneuro.analysis.wavelets import morlet
from panneuro.signals.timeseries import TimeSeries

Array = np.ndarray[Any, np.dtype[Any]]

RATE_HZ = 1250.0
CHANNELS = 90
SECOND = 1250
THETA = (4.0, 10.0)
DECIMATION = 16


@dataclass(frozen=True)
class Line:
    """What a contender took: seconds at full size, and the most memory it had beyond the start."""

    name: str
    cpu_s: float
    peak_mb: float
    found: Any


def measured(name: str, work: Callable[[], Any], scale: float = 1.0, rounds: int = 1) -> Line:
    """Run something a few times; keep the best time and the highest memory."""
    best, found = float("inf"), None
    with Peak() as peak:
        for _ in range(rounds):
            found = None  # Two results at once would count as memory.
            begin = time.process_time()
            found = work()
            best = min(best, time.process_time() - begin)
    return Line(name, best * scale, peak.mb, found)


class Peak:
    """The most memory of its own that the process had, looked at every few milliseconds."""

    def __enter__(self) -> Self:
        self._start = _own_mb()
        self.mb = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.mb = max(self.mb, _own_mb() - self._start)


def _own_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1e3
    raise SystemExit("the kernel does not tell how much memory is the process's own")


def tell(title: str, ours: Line, limit: Line, peers: list[Line]) -> None:
    """Print one piece of work."""
    print(f"\n{title}")
    print(f"  {'panneuro':42s} {ours.cpu_s:9.2f} s  {ours.peak_mb:7.0f} MB")
    times = ours.cpu_s / limit.cpu_s
    print(f"  {limit.name:42s} {limit.cpu_s:9.2f} s   ours is {times:.1f} × the limit")
    for peer in peers:
        print(
            f"  {peer.name:42s} {peer.cpu_s:9.2f} s  {peer.peak_mb:7.0f} MB   "
            f"ours is {peer.cpu_s / ours.cpu_s:.1f} × faster"
        )


def made_up(folder: Path, minutes: float) -> TimeSeries:
    """Write a field potential to disk and return it, unread."""
    n = int(minutes * 60 * RATE_HZ)
    data = np.lib.format.open_memmap(folder / "lfp.npy", "w+", np.int16, (n, CHANNELS))
    random = np.random.default_rng(0)
    depth = np.linspace(-1, 1, CHANNELS, dtype=np.float32)
    level = np.zeros((1, CHANNELS))
    for at in range(0, n, 60 * SECOND):
        rows = min(60 * SECOND, n - at)
        t = (at + np.arange(rows)) / RATE_HZ
        white = random.standard_normal((rows, CHANNELS), dtype=np.float32)
        slow, level = sps.lfilter([1.0], [1.0, -0.99], white * 12, axis=0, zi=level)
        theta = 150 * np.cos(2 * np.pi * 7.5 * t + np.sin(0.3 * t))
        gamma = 30 * np.cos(2 * np.pi * 55 * t + 3 * np.sin(0.7 * t))
        data[at : at + rows] = slow + (theta[:, None] * depth + gamma[:, None])
    data.flush()
    return TimeSeries("lfp", data, "volts", rate_hz=RATE_HZ)


def part(lfp: TimeSeries, rows: slice, channels: int = CHANNELS) -> Array:
    """Return some of the recording as peers want it: channels by time, double precision."""
    return np.ascontiguousarray(np.asarray(lfp.data[rows, :channels]).T, dtype=np.float64)


def spectra(lfp: TimeSeries, n_windows: int) -> None:
    """Compare multitaper spectra of short presentations, averaged by condition."""
    n, seconds = 312, 312 / RATE_HZ
    random = np.random.default_rng(1)
    starts_s = np.sort(random.uniform(0, lfp.stop_s - 1, n_windows).round(2))
    shown = random.integers(0, 8, n_windows)
    ours = measured(
        "panneuro",
        lambda: power_by_condition(lfp, starts_s, shown, (0.0, seconds), max_hz=200),
        rounds=2,
    )
    few = 100
    rows = np.rint(starts_s[:few] * RATE_HZ).astype(int)

    def epochs() -> Array:
        return np.stack([part(lfp, slice(row, row + n)) for row in rows])

    def by_mne() -> Array:
        bandwidth = 4 * RATE_HZ / n
        return psd_array_multitaper(epochs(), RATE_HZ, 0, 200, bandwidth, normalization="full")[0]

    def by_elephant() -> Array:
        each = []
        for row in rows:
            samples = np.asarray(lfp.data[row : row + n], dtype=np.float64)
            centred = neo.AnalogSignal(
                samples - samples.mean(0), units="V", sampling_rate=RATE_HZ * pq.Hz
            )
            each.append(elephant.spectral.multitaper_psd(centred, nw=2, num_tapers=3)[1].magnitude)
        return np.array(each)

    scale = n_windows / few
    peers = [
        measured(f"elephant multitaper_psd, {few} windows", by_elephant, scale, rounds=2),
        measured(f"MNE psd_array_multitaper, {few} windows", by_mne, scale, rounds=2),
    ]
    batch, n_out = (1 << 18) // (n * CHANNELS), 2 * 3 * 50
    left = random.standard_normal((n_out, n), dtype=np.float32)
    right = random.standard_normal((n, batch * CHANNELS), dtype=np.float32)
    limit = measured(
        "limit: the transforms alone, as products",
        lambda: left @ right,
        -(-n_windows // batch),
        rounds=5,
    )
    tell(f"Multitaper spectra by condition: {n_windows:,} windows of 0.25 s", ours, limit, peers)
    mine = multitaper(lfp, starts_s[:few], (0.0, seconds), max_hz=200).values
    theirs = peers[1].found[..., : mine.shape[2]]
    mine = mine[..., : theirs.shape[2]]
    apart = _apart(mine[..., 1:], theirs[..., 1:])
    print(f"  largest difference to MNE, which weighs tapers, but at 0 Hz: {apart:.1e}")
    theirs = peers[0].found[..., : mine.shape[2]]
    print(f"  to elephant, whose tapers are a sample longer: {_apart(mine, theirs):.1e}")


def envelopes(lfp: TimeSeries, folder: Path) -> None:
    """Compare theta band-pass and Hilbert envelope, from disk to disk."""
    out = np.lib.format.open_memmap(folder / "env.npy", "w+", np.float32, lfp.data.shape)
    ours = measured("", lambda: evaluate(envelope(lfp, THETA), out), rounds=5)
    fewer = measured("", lambda: evaluate(envelope(lfp, THETA, every=DECIMATION)), rounds=5)
    sos = sps.butter(4, THETA, "bandpass", fs=RATE_HZ, output="sos")

    def block(x: Array) -> Array:
        filtered = sps.sosfiltfilt(sos, x.astype(np.float32), axis=0)
        return np.abs(sps.hilbert(filtered, axis=0)).astype(np.float32)

    def by_dask() -> None:
        lazy = da.from_array(lfp.data, chunks=(30 * SECOND, CHANNELS))
        found = lazy.map_overlap(block, depth={0: 4 * SECOND}, boundary="reflect", dtype="f4")
        with dask.config.set(scheduler="synchronous"):
            da.store(found, np.lib.format.open_memmap(folder / "d.npy", "w+", "f4", lfp.data.shape))

    few = 5

    def by_mne() -> Array:
        info = mne.create_info(few, RATE_HZ, "ecog")
        raw = mne.io.RawArray(part(lfp, slice(None), few), info)
        raw.filter(*THETA, picks="all", n_jobs=1)
        raw.apply_hilbert(picks="all", envelope=True, n_jobs=1)
        return raw.get_data()

    peers = [
        measured("dask map_overlap(sosfiltfilt + hilbert)", by_dask),
        measured(f"MNE filter + apply_hilbert, {few} channels", by_mne, CHANNELS / few, rounds=2),
    ]
    n_fft, margin = block_size(len(fir_taps(THETA, RATE_HZ)) // 2, 1)
    buffer = np.random.default_rng(0).standard_normal((16, n_fft), dtype=np.float32)
    turned = np.zeros((16, n_fft), np.complex64)
    times = len(lfp) / (n_fft - 2 * margin) * CHANNELS / 16

    def transforms() -> None:
        scipy.fft.rfft(buffer, axis=1)
        scipy.fft.ifft(turned, axis=1)

    limit = measured("limit: the transforms alone", transforms, times, rounds=5)
    forward = measured(
        "limit: the forward transforms alone", lambda: scipy.fft.rfft(buffer, axis=1), times, 5
    )
    hours = lfp.duration_s / 3600
    tell(f"Theta envelope of {hours:.2g} h, disk to disk", ours, limit, peers)
    tell(f"The same, one sample of {DECIMATION}", fewer, forward, peers)
    inner = slice(10 * SECOND, -10 * SECOND)
    mine, theirs = np.asarray(out[inner, 0]), peers[1].found[0, inner]
    print(
        f"  correlation with MNE's, whose filter is another: {np.corrcoef(mine, theirs)[0, 1]:.4f}"
    )
    whole = np.asarray(out[::DECIMATION, :3])
    print(f"  largest difference of one of {DECIMATION}: {_apart(fewer.found[:, :3], whole):.1e}")


def wavelets(lfp: TimeSeries) -> None:
    """Compare Morlet power of 40 frequencies at 125 Hz."""
    frequencies = np.geomspace(2, 150, 40)
    channels, few, rows = 10, 1, 120 * SECOND
    some = lfp.with_data(np.asarray(lfp.data[:, :channels]))
    ours = measured("", lambda: evaluate(morlet(some, frequencies, every=10)), rounds=5)

    def by_mne() -> Array:
        samples = part(lfp, slice(0, rows), few)[None]
        return tfr_array_morlet(
            samples, RATE_HZ, frequencies, n_cycles=6.0, output="power", decim=10, n_jobs=1
        )

    scale = len(lfp) / rows * channels / few
    peer = measured("MNE tfr_array_morlet, 1 channel × 2 min", by_mne, scale, rounds=2)
    n_fft, margin = block_size(int(5 * 6 / (2 * np.pi * 2) * RATE_HZ), 10)
    buffer = np.ones((channels, n_fft), np.float32)
    turned = np.ones((channels, n_fft // 10), np.complex64)

    def transforms() -> None:
        scipy.fft.rfft(buffer, axis=1)
        for _ in frequencies:
            scipy.fft.ifft(turned, axis=1)

    times = len(lfp) / (n_fft - 2 * margin)
    limit = measured("limit: the transforms alone", transforms, times, rounds=5)
    tell(f"Morlet power: 40 frequencies, {channels} channels", ours, limit, [peer])
    mine = ours.found[: rows // 10, 0]
    alike = [
        np.corrcoef(mine[500:-500, at], peer.found[0, 0, at, 500:-500])[0, 1] for at in (0, 20, 39)
    ]
    print(f"  correlation with MNE's at 3 frequencies: {', '.join(f'{c:.6f}' for c in alike)}")


def pairs(lfp: TimeSeries) -> None:
    """Compare coherence of all pairs of channels."""
    n_windows, few = min(300, int(lfp.duration_s)), 2
    starts_s = np.arange(n_windows, dtype=float)
    asked = {"half_bandwidth_hz": 3.0, "kind": "magnitude", "max_hz": 200}
    ours = measured("", lambda: coherence(lfp, starts_s, (0.0, 1.0), **asked), rounds=2)

    def by_spectral_connectivity() -> Array:
        windows = np.stack(
            [part(lfp, slice(at * SECOND, (at + 1) * SECOND)).T for at in range(few)], axis=1
        )
        tapered = Multitaper(windows, sampling_frequency=RATE_HZ, time_halfbandwidth_product=3)
        made = Connectivity.from_multitaper(tapered, expectation_type="trials_tapers")
        return made.coherence_magnitude()

    peer = measured(
        f"spectral_connectivity, {few} windows", by_spectral_connectivity, n_windows / few
    )
    random = np.random.default_rng(0)
    samples = random.standard_normal((SECOND, CHANNELS), dtype=np.float32)
    observed = (random.standard_normal((201, 5, CHANNELS)) + 0j).astype(np.complex64)

    def alone() -> None:
        for _ in range(5):
            scipy.fft.rfft(samples, axis=0)
        np.matmul(observed.conj().swapaxes(1, 2), observed)

    limit = measured("limit: transforms and products alone", alone, n_windows, rounds=5)
    tell(
        f"Coherence of {CHANNELS * (CHANNELS - 1) // 2:,} pairs, {n_windows} s", ours, limit, [peer]
    )
    mine = coherence(lfp, starts_s[:few], (0.0, 1.0), **asked).values
    each = peer.cpu_s / len(np.squeeze(peer.found)) / (ours.cpu_s / len(mine))
    print(f"  it computes all frequencies, ours those that are asked for: {each:.0f} × for each")
    theirs = np.squeeze(peer.found)[: len(mine)]
    off = ~np.eye(CHANNELS, dtype=bool)
    kinds = {"magnitude": mine, "squared": mine**2}
    which, apart = min(
        (
            (kind, np.nanmax(np.abs(values[:, off] - theirs[:, off])))
            for kind, values in kinds.items()
        ),
        key=lambda pair: pair[1],
    )
    print(f"  largest difference to theirs, which is the {which} coherence: {apart:.1e}")


def _apart(mine: Array, theirs: Array) -> float:
    return float(np.abs(mine - theirs).max() / np.abs(theirs).max())


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="of recording; 60 for an hour")
    parser.add_argument("--windows", type=int, default=5000, help="presentations")
    parser.add_argument("--only", choices=("spectra", "envelopes", "wavelets", "pairs"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    mne.set_log_level("ERROR")
    print(f"mne {mne.__version__}, elephant {elephant.__version__}, dask {dask.__version__}")
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        lfp = made_up(Path(name), asked.minutes)
        topics: dict[str, Callable[[], None]] = {
            "spectra": lambda: spectra(lfp, asked.windows),
            "envelopes": lambda: envelopes(lfp, Path(name)),
            "wavelets": lambda: wavelets(lfp),
            "pairs": lambda: pairs(lfp),
        }
        for topic, compare in topics.items():
            if asked.only in (None, topic):
                compare()


if __name__ == "__main__":
    main()
