"""Charts as SVG inside a page, coloured by its style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

Floats = npt.NDArray[np.float64]
Reach = tuple[float, float]

WIDTH, HEIGHT = 420, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 32
_COLOURS = 8


@dataclass(frozen=True)
class Line:
    """One curve.

    Parameters
    ----------
    label : str
        In the legend.
    y : ndarray
        Values.
    error : ndarray, optional
        Half the height of the band around it.
    """

    label: str
    y: Floats
    error: Floats | None = None


def bars(
    x: Floats, y: Floats, x_label: str, y_label: str, title: str, top: float | None = None
) -> Markup:
    """Draw a histogram: `x` are the middles of equal bins, `top` the end of the axis.

    Examples
    --------
    >>> bars(np.array([0.0, 1.0]), np.array([2.0, 1.0]), "lag", "n", "lags").count("fill-0")
    1
    """
    half = (x[1] - x[0]) / 2 if len(x) > 1 else 0.5
    ends, tops = [x[0] - half, x[-1] + half], [0.0, y.max(initial=top or 0.0)]
    frame = _Frame.of(np.array(ends), np.array(tops))
    floor = frame.down(0.0)
    shapes = (
        f"M{frame.across(a - half):.1f} {floor:.1f}V{frame.down(b):.1f}"
        f"H{frame.across(a + half):.1f}V{floor:.1f}z"
        for a, b in zip(x, y, strict=True)
        if b > 0
    )
    return frame.drawn(f'<path class="fill-0" d="{"".join(shapes)}"/>', x_label, y_label, title)


def reach_of(lines: Sequence[Line]) -> Reach:
    """Return the least and the largest value of curves with their errors; zero is among them.

    Examples
    --------
    >>> reach_of([Line("a", np.array([1.0, 2.0]), np.array([0.5, 0.5]))])
    (0.0, 2.5)
    """
    tops = [line.y + (0 if line.error is None else np.nan_to_num(line.error)) for line in lines]
    known = np.concatenate([np.zeros(1), *tops, *(line.y for line in lines)])
    known = known[np.isfinite(known)]
    return float(known.min()), float(known.max())


def curves(
    x: Floats,
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    title: str,
    reach: Reach | None = None,
) -> Markup:
    """Draw curves with the bands of their errors, and a legend where there are several.

    `reach` is where the vertical axis begins and ends, for charts that are to be compared.
    """
    frame = _Frame.of(x, np.array(reach or reach_of(lines)))
    shapes = []
    for at, line in enumerate(lines):
        if line.error is not None:
            shapes.append(_band(frame, x, line, at % _COLOURS))
    for at, line in enumerate(lines):
        points = _points(frame, x, line.y)
        shapes.append(f'<polyline class="line-{at % _COLOURS}" points="{points}"/>')
    if len(lines) > 1:
        shapes.extend(_legend(lines))
    return frame.drawn("".join(shapes), x_label, y_label, title)


def _legend(lines: Sequence[Line]) -> list[str]:
    return [
        f'<text class="key-{at % _COLOURS}" x="{WIDTH - _RIGHT - 4}" y="{_TOP + 10 + 13 * at}" '
        f'text-anchor="end">{escape(line.label[:24])}</text>'
        for at, line in enumerate(lines[:10])
    ]


def _band(frame: _Frame, x: Floats, line: Line, colour: int) -> str:
    error = np.nan_to_num(line.error) if line.error is not None else 0.0
    upper = _points(frame, x, line.y + error)
    lower = " ".join(reversed(_points(frame, x, line.y - error).split(" ")))
    return f'<polygon class="band-{colour}" points="{upper} {lower}"/>'


def _points(frame: _Frame, x: Floats, y: Floats) -> str:
    known = np.isfinite(y)
    pairs = zip(x[known], y[known], strict=True)
    return " ".join(f"{frame.across(a):.1f},{frame.down(b):.1f}" for a, b in pairs)


@dataclass(frozen=True)
class _Frame:
    """Axes: from values to pixels."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Frame:
        left, right = float(x.min()), float(x.max())
        bottom, top = float(y.min()), float(y.max())
        return cls(left, max(right, left + 1e-12), bottom, top if top > bottom else bottom + 1)

    def across(self, value: Any) -> float:
        width = WIDTH - _LEFT - _RIGHT
        return float(_LEFT + (value - self.left) / (self.right - self.left) * width)

    def down(self, value: Any) -> float:
        height = HEIGHT - _TOP - _BOTTOM
        return float(HEIGHT - _BOTTOM - (value - self.bottom) / (self.top - self.bottom) * height)

    def drawn(self, shapes: str, x_label: str, y_label: str, title: str) -> Markup:
        floor, middle = HEIGHT - _BOTTOM, (_TOP + HEIGHT - _BOTTOM) / 2
        parts = [
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<path class="axis" d="M{_LEFT} {_TOP}V{floor}H{WIDTH - _RIGHT}"/>',
            *(_tick_x(self.across(value), floor, value) for value in _ticks(self.left, self.right)),
            *(_tick_y(self.down(value), value) for value in _ticks(self.bottom, self.top)),
            shapes,
            _label(f'x="{(_LEFT + WIDTH) / 2}" y="{HEIGHT - 4}"', x_label),
            _label(f'transform="translate(11 {middle}) rotate(-90)"', y_label),
            "</svg>",
        ]
        return Markup("".join(parts))  # noqa: S704


def _label(place: str, text: str) -> str:
    return f'<text class="label" {place} text-anchor="middle">{escape(text)}</text>'


def _tick_x(x: float, floor: float, value: float) -> str:
    return (
        f'<path class="axis" d="M{x:.1f} {floor}v4"/>'
        f'<text class="tick" x="{x:.1f}" y="{floor + 14}" text-anchor="middle">{value:g}</text>'
    )


def _tick_y(y: float, value: float) -> str:
    return (
        f'<path class="axis" d="M{_LEFT} {y:.1f}h-4"/>'
        f'<text class="tick" x="{_LEFT - 7}" y="{y + 3.5:.1f}" text-anchor="end">{value:g}</text>'
    )


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round values between two others.

    Examples
    --------
    >>> _ticks(0.0, 9.0)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = np.ceil(low / step - 1e-9)
    count = int(np.floor(high / step + 1e-9) - first) + 1
    return [round(float((first + at) * step), 12) for at in range(count)]
