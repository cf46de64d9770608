"""Small pictures made by the server: what a page shows before, and without, any script."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import InputError, PanneuroError
from panneuro.core.extras import need
from panneuro.lake.asset import Asset
from panneuro.portal import windows
from panneuro.portal.doors import Door, Visit
from panneuro.portal.levels import levels_of
from panneuro.portal.shelves import Shelf
from panneuro.signals.frames import Frames
from panneuro.signals.table import Intervals

INK = "#3a7ca5"
"""Legible on white and on black."""

_BAND = "#c8813b"
_PREVIEW = (168, 36)
_WIDE = (960, 240)
_MOST_LINES = 16
_MOST_ROWS = 18
_FAR = 8
_MOMENT_SAMPLES = 6000
_MOMENT_S = 10.0
DRAWN = ("timeseries", "frames", "events", "intervals")
"""Kinds of signals that have pictures, the most telling first; tables have none."""

_KEPT = 2048
_WIDEST_IMAGE = 720

Size = tuple[int, int]
Span = tuple[float, float]
Draw = Callable[[Asset, Mapping[str, Any], Span, Size], str]


class Pictures:
    """Draws signals, and keeps what it drew.

    Parameters
    ----------
    shelf : Shelf
        Of coarse levels and times of events, sized in bytes.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._drawn = Shelf(_KEPT)
        self._ways: dict[str, Draw] = {
            "timeseries": self._series,
            "events": self._events,
            "intervals": self._intervals,
            "frames": self._frames,
        }

    def doors(self) -> list[Door]:
        """Return the door of previews."""
        return [Door("/assets/{name}/preview", self.preview, PreviewAsked, {"svg": None})]

    def preview(self, visit: Visit, asked: PreviewAsked) -> Response:
        """Draw the telling signal of an asset, small: a moment of it, or the whole."""
        if not visit.seen.may("read", visit.part("name")):
            visit.seen.entry(visit.part("name"))
            return _answer(_framed("", _PREVIEW, "not for you to read"))
        asset = visit.data()

        key = asset.name, asset.version, asked.whole
        drawn = self._drawn.take(key, lambda: self._preview(asset, whole=asked.whole))
        return visit.unless_known(f"{asset.version}-preview-{asked.whole}", lambda: _answer(drawn))

    def _preview(self, asset: Asset, *, whole: bool) -> str:
        """Draw the first signal of which there is something to see: in a moment, else in all."""
        for said in _telling(asset):
            if whole and said["kind"] == "frames":
                continue  # an image says nothing of when
            with suppress(PanneuroError):
                span = span_of(asset, said, whole=whole)
                for part in dict.fromkeys([span if whole else _moment(said, span), span]):
                    shapes = self._ways[said["kind"]](asset, said, part, _PREVIEW)
                    if shapes:
                        return _labelled(shapes, said, part, _PREVIEW)
        return _framed("", _PREVIEW, "no signals to draw")

    def signal(
        self,
        visit: Visit,
        asset: Asset,
        said: Mapping[str, Any],
        start_s: float | None,
        stop_s: float | None,
    ) -> Response:
        """Draw a window of a signal, wide."""
        first, last = span_of(asset, said)
        span = (first if start_s is None else start_s, last if stop_s is None else stop_s)
        if not np.isfinite(span).all() or span[0] >= span[1]:
            raise InputError(f"the window {span[0]!r} to {span[1]!r} s is none", hint="t0 < t1")
        tag = digest_bytes(f"{asset.version} {said['name']} {span}".encode())[-32:]
        return visit.unless_known(tag, lambda: _answer(self._svg(asset, said, span, _WIDE)))

    def _svg(self, asset: Asset, said: Mapping[str, Any], span: Span, size: Size) -> str:
        if said["kind"] not in self._ways:
            raise InputError(f"{said['name']!r} has no picture: it is a table")
        return _labelled(self._ways[said["kind"]](asset, said, span, size), said, span, size)

    def _series(self, asset: Asset, said: Mapping[str, Any], span: Span, size: Size) -> str:
        signal = levels_of(asset, said["name"], self._shelf).signal
        n_channels, rows = signal.n_channels, signal.rows(*span)
        most = min(n_channels, _MOST_LINES if size[1] > 100 else 3)
        chosen = np.unique(((np.arange(most) + 0.5) * n_channels / most).astype(int))
        bins = size[0] // 2 if size[1] > 100 else size[0]
        found = windows.extremes(asset, said["name"], span, bins, chosen.tolist(), self._shelf)
        if not np.isfinite(found.values).any():
            return ""
        height = size[1] / len(chosen)
        low, high = found.values[..., 0], found.values[..., 1]
        bottom = np.min(np.nan_to_num(low, nan=np.inf), axis=0)
        top = np.max(np.nan_to_num(high, nan=-np.inf), axis=0)
        known = top >= bottom
        reach = max(float(np.max((top - bottom)[known])), 1e-30)
        # Samples that are rarer than bins are joined, unless they are much farther apart than most.
        apart = max(1.0, _FAR * bins / max(1, rows.stop - rows.start))
        lines = []
        for at in np.flatnonzero(known):
            middle, centre = (bottom[at] + top[at]) / 2, height * (at + 0.5)
            levels = [centre - (v[:, at] - middle) / reach * height * 0.92 for v in (high, low)]
            lines.append(_envelope(levels[0], levels[1], size[0] / bins, apart))
        return "".join(lines)

    def _events(self, asset: Asset, said: Mapping[str, Any], span: Span, size: Size) -> str:
        bins = size[0] // 2
        found = windows.counts(asset, said["name"], span, bins, self._shelf).values
        if size[1] <= 100:
            found = found[:, :: max(1, found.shape[1] // _MOST_ROWS)]
        height = size[1] / max(1, found.shape[1])
        marks = [
            f"M{at * 2} {row * height:.1f}v{max(0.6, height * 0.8):.1f}"
            for at, row in np.argwhere(found > 0)
        ]
        return f'<path d="{"".join(marks)}" stroke="{INK}" stroke-width="1.2"/>' if marks else ""

    def _intervals(self, asset: Asset, said: Mapping[str, Any], span: Span, size: Size) -> str:
        signal = asset[said["name"]]
        if not isinstance(signal, Intervals):
            raise InputError(f"{said['name']!r} has no picture")
        frame, scale = signal.df, size[0] / (span[1] - span[0])
        inside = frame[(frame["stop_time"] > span[0]) & (frame["start_time"] < span[1])]
        first = (inside["start_time"].clip(lower=span[0]) - span[0]) * scale
        last = (inside["stop_time"].clip(upper=span[1]) - span[0]) * scale
        bars = [
            f"M{a:.1f} {size[1] * 0.25:.1f}h{max(0.8, b - a):.1f}v{size[1] * 0.5:.1f}H{a:.1f}z"
            for a, b in zip(first, last, strict=True)
        ]
        return f'<path d="{"".join(bars)}" fill="{_BAND}" fill-opacity=".75"/>' if bars else ""

    def _frames(self, asset: Asset, said: Mapping[str, Any], span: Span, size: Size) -> str:
        from base64 import b64encode

        signal = asset[said["name"]]
        if not isinstance(signal, Frames):
            raise InputError(f"{said['name']!r} has no picture")
        data = b64encode(self.frame(signal, span[0])).decode()
        return (
            f'<image href="data:image/png;base64,{data}" width="{size[0]}" height="{size[1]}" '
            'preserveAspectRatio="xMidYMid slice"/>'
        )

    def frame(self, signal: Frames, time_s: float) -> bytes:
        """Return the image that was on view at a time as PNG, stretched over its own range."""
        image_kinds = need("PIL.Image", "video", "Drawing images")
        times = np.asarray(signal.times[:])
        if not len(times):
            raise InputError(f"{signal.name!r} has no images")
        at = max(0, int(np.searchsorted(times, time_s, side="right")) - 1)
        pixels = _pixels(signal, at, len(times))
        sink = io.BytesIO()
        image = image_kinds.fromarray(pixels)
        image.thumbnail((_WIDEST_IMAGE, _WIDEST_IMAGE))
        image.save(sink, "PNG")
        return sink.getvalue()


class PreviewAsked(BaseModel):
    """How much of an asset is drawn."""

    model_config = ConfigDict(extra="ignore")

    whole: bool = Field(False, description="all of its time, not a moment in the middle")


def _moment(said: Mapping[str, Any], span: Span) -> Span:
    """Return seconds in the middle of a signal, few enough to see single waves and spikes."""
    rate_hz = said.get("rate_hz") if said["kind"] == "timeseries" else None
    length = min(_MOMENT_SAMPLES / rate_hz if rate_hz else _MOMENT_S, span[1] - span[0])
    middle = (span[0] + span[1]) / 2
    return middle - length / 2, middle + length / 2


def span_of(asset: Asset, said: Mapping[str, Any], *, whole: bool = False) -> Span:
    """Return the seconds over which a signal lasts, or its whole asset."""
    signals = asset.manifest.signals if whole else (said,)
    sampled = [one for one in signals if one["kind"] == "timeseries"]
    ends = [(one["start_s"], one["stop_s"]) for one in sampled if one["stop_s"] is not None]
    if not ends:
        ends = [_known_times(asset, one) for one in signals]
    known = [pair for pair in ends if pair[1] > pair[0]]
    if not known:
        return 0.0, 1.0
    return min(first for first, _ in known), max(last for _, last in known)


def _known_times(asset: Asset, said: Mapping[str, Any]) -> Span:
    """Return first and last time of events, intervals or frames."""
    if said["kind"] == "intervals" and said.get("stop_s") is not None:
        return float(said["start_s"]), float(said["stop_s"])
    if said["kind"] == "intervals" and said["rows"]:
        frame = asset.rows(said["name"])
        return float(np.nanmin(frame["start_time"])), float(np.nanmax(frame["stop_time"]))
    if said["kind"] in ("events", "frames") and said.get("times"):
        times = np.asarray(asset.array(said["times"])[:], dtype=float)
        return (float(times.min()), float(times.max()) + 1e-3) if times.size else (0.0, 0.0)
    if said["kind"] == "frames" and said.get("rate_hz"):
        return float(said["start_s"]), float(said["start_s"] + said["frames"] / said["rate_hz"])
    return 0.0, 0.0


def _telling(asset: Asset) -> Sequence[Mapping[str, Any]]:
    """Return the signals that can be drawn, the most telling first."""
    drawn = [said for said in asset.manifest.signals if said["kind"] in DRAWN]
    return sorted(drawn, key=_weight)


def _weight(said: Mapping[str, Any]) -> tuple[int, int]:
    plain = said["kind"] != "timeseries" or said["neurodata_type"] == "ElectricalSeries"
    return (0 if plain else 1, DRAWN.index(said["kind"]))


def _pixels(signal: Frames, at: int, count: int) -> npt.NDArray[np.uint8]:
    if signal.data is None:
        if signal.thumbnails is None:
            raise InputError(f"the images of {signal.name!r} are inside the video {signal.file!r}")
        held = signal.thumbnails
        return np.asarray(held[min(at * held.shape[0] // count, held.shape[0] - 1)], dtype=np.uint8)
    image = np.asarray(signal.data[at])
    if image.ndim == 3 and image.shape[-1] not in (3, 4):
        image = image[..., 0]
    if image.dtype == np.uint8:
        return image
    low, high = np.nanpercentile(image, [0.5, 99.5])
    scaled = (image.astype(np.float64) - low) / max(float(high - low), 1e-30)
    shown: npt.NDArray[np.uint8] = (np.clip(np.nan_to_num(scaled), 0, 1) * 255).astype(np.uint8)
    return shown


def _envelope(upper: npt.NDArray[Any], lower: npt.NDArray[Any], step: float, apart: float) -> str:
    """Return the area between two curves; gaps where what is known is farther apart than that."""
    known = np.flatnonzero(np.isfinite(upper) & np.isfinite(lower))
    runs = np.split(known, np.flatnonzero(np.diff(known) > apart) + 1)
    paths = []
    for run in runs:
        forth = [f"{at * step:.0f} {upper[at] - 0.4:.1f}" for at in run]
        back = [f"{at * step:.0f} {lower[at] + 0.4:.1f}" for at in run[::-1]]
        if forth:
            paths.append(f"M{'L'.join([*forth, *back])}z")
    return (
        f'<path d="{"".join(paths)}" fill="{INK}" stroke="{INK}" stroke-linejoin="round" '
        'vector-effect="non-scaling-stroke"/>'
    )


def _labelled(shapes: str, said: Mapping[str, Any], span: Span, size: Size) -> str:
    return _framed(shapes, size, f"{said['name']}, {span[0]:.3f} to {span[1]:.3f} seconds")


def _framed(shapes: str, size: Size, label: str) -> str:
    from html import escape

    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" '
        f'width="{size[0]}" height="{size[1]}" role="img" preserveAspectRatio="none">'
        f"<title>{escape(label)}</title>{shapes}</svg>"
    )


def _answer(drawn: str) -> Response:
    return Response(drawn, media_type="image/svg+xml")
