"""Make a lake, fill it, search it, read it, draw it: panneuro's main job, in one go.

Real recordings are used where ``PANNEURO_SAMPLE_DATA`` or ``../shared/data`` has them, else a
generated session whose spikes are known.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import panneuro
from panneuro.access.prices import PriceBook
from panneuro.access.savings import Savings
from panneuro.lake.adding import Added
from panneuro.testing.sessions import make_session

INK = ("#1b3a57", "#2b7a78", "#8a5a2b", "#7a2b4f")

LAKE = Path("demo-lake")
FIGURE = Path("demo.png")

REAL = {
    "raw/spikeglx/np_ultra_stub": "Neuropixels Ultra, SpikeGLX",
    "raw/locust_tetrode": "locust tetrode, raw binary",
    "nwb/sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb": "mouse ALM units, NWB",
    "behaviour/foraging/697062_2023-11-14_11-12-44.nwb": "dynamic foraging, NWB",
    "patch/pyabf/17o05028_ic_steps.abf": "current-clamp steps, ABF",
    "video/openfield/m3v1mp4.mp4": "open field, video",
}
UNSAID: dict[str, dict[str, Any]] = {
    "description": {
        "lab": "demonstration",
        "institution": "unknown",
        "licence": "CC-BY-4.0",
        "modalities": ["ecephys"],
    },
    "subject": {"id": "demo-1", "species": "mouse"},
    "acquisition": {"session_start": "2026-03-02T09:30:00+00:00", "timezone": "UTC"},
}


def main() -> None:
    began = time.perf_counter()
    shutil.rmtree(LAKE, ignore_errors=True)
    lake = panneuro.open(LAKE, create=True)
    with tempfile.TemporaryDirectory() as scratch:
        sources, said = _sources(Path(scratch))
        print(said)
        added = list(_add(lake, sources))
    _floors(added)
    print()
    _find(lake)
    _read(added)
    _save(_savings(added))
    print(f"figure: {FIGURE}; lake: {LAKE}; {time.perf_counter() - began:.0f} s in all")


def _sources(scratch: Path) -> tuple[list[tuple[Path, str]], str]:
    data = Path(os.environ.get("PANNEURO_SAMPLE_DATA", "../shared/data"))
    real = [(data / name, what) for name, what in REAL.items() if (data / name).exists()]
    if real:
        return real, f"real recordings from {data}"
    session = make_session(scratch / "session")
    generated = [
        (session.probe, "probe, SpikeGLX"),
        (session.sorted, "units and trials, NWB"),
        (session.behaviour, "trials, CSV"),
    ]
    return generated, "no sample data here: a generated session with known spikes"


def _add(lake: panneuro.Lake, sources: list[tuple[Path, str]]) -> Iterator[Added]:
    print(f"{'added':<32}{'MB in':>8}{'MB stored':>11}{'array ratio':>13}{'seconds':>9}")
    for number, (path, what) in enumerate(sources):
        began = time.perf_counter()
        template = {slot: dict(fields) for slot, fields in UNSAID.items()}
        template["description"]["title"] = what
        template["subject"]["id"] = f"demo-{number}"
        one = lake.add(path, template=template)
        saved = _savings([one])
        sizes = f"{saved.source_bytes / 1e6:>8.2f}{saved.stored_bytes / 1e6:>11.2f}"
        ratio = f"{saved.signal_ratio:>13.2f}" if saved.signal_ratio else f"{'–':>13}"
        print(f"{what:<32}{sizes}{ratio}{time.perf_counter() - began:>9.1f}")
        yield one


def _savings(added: list[Added]) -> Savings:
    return Savings.of([one.manifest for one in added], PriceBook())


def _save(saved: Savings) -> None:
    ratio = f"ratio {saved.signal_ratio or 1:.2f}"
    print(f"\n{saved.source_bytes:,} bytes in, {saved.stored_bytes:,} stored with all beside them")
    print(f"arrays: {saved.raw_bytes:,} bytes raw, {saved.coded_bytes:,} coded, {ratio}")
    rate = f"at this ratio ${saved.per_terabyte_year} a year for each terabyte in"
    print(f"saved: ${saved.per_year} a year here; {rate}")


def _floors(added: list[Added]) -> None:
    print(f"\n{'signal':<32}{'bits a sample':>15}{'estimated noise floor':>24}{'above it':>10}")
    for signal in _savings(added).signals:
        if signal.above_floor is not None and signal.raw_bytes > 1_000_000:
            told = f"{signal.bits_per_sample:>15.2f}{signal.noise_floor_bits:>24.2f}"
            print(f"{signal.name:<32}{told}{100 * signal.above_floor:>8.0f} %")


def _find(lake: panneuro.Lake) -> None:
    for query in ("has:units", "channels>90", "species=mouse has:trials", "area=VISp"):
        began = time.perf_counter()
        names = lake.find(query).names
        took = 1e3 * (time.perf_counter() - began)
        print(f"find {query!r}: {len(names)} found in {took:.1f} ms: {', '.join(names) or '–'}")


def _read(added: list[Added]) -> None:
    lake = panneuro.open(LAKE)
    probe = next(one.manifest.name for one in added if _channels(one) > 90)
    units = next(one.manifest.name for one in added if "units" in _signals(one))
    print(f"\n{'read cold':<44}{'requests':>9}{'bytes':>12}{'ms':>8}")
    asset = _asked(lake, "open an asset", lambda: lake[probe])
    traces = _asked(lake, "one second across channels", lambda: _second(asset["ap"]))
    sorted_ = _asked(lake, "open another", lambda: lake[units])
    trains = _asked(lake, "its units", lambda: sorted_.units)
    first = next(iter(trains))
    spikes = _asked(lake, f"the spikes of unit {first}", lambda: trains[first])
    print(f"  {traces.shape[0]:,} samples × {traces.shape[1]} channels; {len(spikes):,} spikes")
    _draw(asset, traces, trains)


def _channels(one: Added) -> int:
    return max((s["shape"][1] for s in one.manifest.signals if s["name"] == "ap"), default=0)


def _signals(one: Added) -> list[str]:
    return [signal["name"] for signal in one.manifest.signals]


def _second(signal: Any) -> Any:
    return signal.read(signal.start_s, signal.start_s + 1.0, scaled=True)


def _asked(lake: panneuro.Lake, what: str, act: Any) -> Any:
    before, began = lake.store.usage.snapshot(), time.perf_counter()
    result = act()
    took, used = 1e3 * (time.perf_counter() - began), lake.store.usage.snapshot() - before
    print(f"{what:<44}{used.requests:>9}{used.bytes_read:>12,}{took:>8.1f}")
    return result


def _draw(asset: Any, traces: Any, trains: Any) -> None:
    figure, axes = plt.subplots(1, 3, figsize=(13, 6), width_ratios=(5, 5, 1.6))
    electrodes = asset.electrodes.df
    shown = np.arange(min(20, traces.shape[1]))
    rows = min(len(traces), 4500)
    ms = 1e3 * np.arange(rows) / asset["ap"].rate_hz
    centred = traces - np.median(traces, axis=0)
    step = 12 * np.median(np.abs(centred)) + 1e-9
    for place, channel in enumerate(shown):
        axes[0].plot(ms, centred[:rows, channel] + place * step, lw=0.4, color="#2b5c8a")
    axes[0].set(title="traces", xlabel="time (ms)", ylabel="channel", yticks=[])
    units = [trains.read(unit) for unit in list(trains)[:40]]
    start = max(times[0] for times in units if len(times))
    for place, times in enumerate(units):
        axes[1].eventplot(
            times[(times >= start) & (times < start + 20)],
            lineoffsets=place,
            linewidths=0.6,
            colors=INK[place * len(INK) // len(units)],
        )
    shown_units = (-0.6, len(units) - 0.4)
    axes[1].set(title="spikes", xlabel="time (s)", ylabel="unit", ylim=shown_units)
    axes[1].locator_params(integer=True)
    axes[2].scatter(electrodes.rel_x, electrodes.rel_y, s=6, marker="s", color="#c8c8c8")
    axes[2].scatter(
        electrodes.rel_x.iloc[shown],
        electrodes.rel_y.iloc[shown],
        s=10,
        marker="s",
        color="#2b5c8a",
    )
    axes[2].set(title="probe", xlabel="x (µm)", ylabel="y (µm)")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
