"""Signals over HTTP: windows for drawing, and parts of them for reading."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import InputError, LimitError, NotFoundError
from panneuro.core.progress import Silence
from panneuro.lake.asset import Asset
from panneuro.lake.parts import Part, Wanted, cut
from panneuro.lake.writing import values, write
from panneuro.portal import windows
from panneuro.portal.doors import MEDIA, Door, Nothing, Visit
from panneuro.portal.files import Piece, send
from panneuro.portal.levels import levels_of
from panneuro.portal.panels import VIDEOS, video_of
from panneuro.portal.pictures import Pictures, span_of
from panneuro.portal.shelves import Shelf
from panneuro.portal.windows import Window
from panneuro.signals.frames import Frames

_MOST_BINS = 4096
_MOST_VALUES = 2_000_000
_MOST_BYTES = 256_000_000
"""What is larger is read with `panneuro.open`, a piece at a time."""

_SHELF_BYTES = 256 << 20


class WindowAsked(BaseModel):
    """Which part of a signal, and how it is drawn."""

    model_config = ConfigDict(extra="ignore")

    t0: float | None = Field(None, description="first second, on the session's clock")
    t1: float | None = Field(None, description="second at which to stop")
    px: int | None = Field(
        None, ge=1, le=_MOST_BINS, description="bins to reduce to: minima and maxima, or counts"
    )
    channels: str | None = Field(
        None, pattern=r"^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$", description="as in 0-15,31"
    )
    unit: str | None = Field(None, description="id of one unit, of events")
    summary: str = Field(
        "extremes", pattern="^(extremes|peaks)$", description="two values a bin, or the farther one"
    )
    dtype: str = Field(
        "float32", pattern="^(float32|int16)$", description="of binary; int16 to be scaled"
    )

    @property
    def span(self) -> tuple[float, float]:
        """The window in seconds."""
        if self.t0 is None or self.t1 is None:
            raise InputError("px= goes with t0= and t1=", hint="t0=0&t1=10&px=1000")
        if not (math.isfinite(self.t0) and math.isfinite(self.t1) and self.t0 < self.t1):
            raise InputError(f"the window {self.t0!r} to {self.t1!r} s is none", hint="t0 < t1")
        return self.t0, self.t1


class WindowGiven(BaseModel):
    """A window of a signal, reduced to bins."""

    name: str
    start_s: float
    step_s: float
    unit: str
    channels: list[int] | None = None
    low: list[list[float | None]] | None = None
    high: list[list[float | None]] | None = None
    counts: list[list[int]] | None = None


class SignalGiven(BaseModel):
    """What is known of a signal, and the part of it that was asked for."""

    model_config = ConfigDict(extra="allow")

    name: str
    kind: str
    values: Any = None


class SignalsGiven(BaseModel):
    """The signals of an asset."""

    name: str
    version: str
    signals: list[SignalGiven]


class Signals:
    """Answers for the signals of assets.

    Parameters
    ----------
    pictures : Pictures
        That draws what is asked for as a picture.
    """

    def __init__(self, pictures: Pictures, shelf: Shelf) -> None:
        self._pictures = pictures
        self._shelf = shelf

    def doors(self) -> list[Door]:
        """Return the doors, narrower ones first."""
        signal = "/assets/{name}/signals/{signal}"
        parts: dict[str, type[BaseModel] | None] = {
            "json": SignalGiven,
            **dict.fromkeys(("binary", "arrow", "csv", "parquet", "svg")),
        }
        drawn: dict[str, type[BaseModel] | None] = {"json": WindowGiven, "binary": None}
        filmed: dict[str, type[BaseModel] | None] = dict.fromkeys(VIDEOS.values())
        return [
            Door("/assets/{name}/signals", self.signals, gives={"json": SignalsGiven}),
            Door(f"{signal}/window", self.window, WindowAsked, drawn, metered=True, brief=True),
            Door(f"{signal}/frame", self.frame, MomentAsked, {"png": None}, metered=True),
            Door(f"{signal}/video", self.video, Nothing, filmed, squeezed=False, metered=True),
            Door(signal, self.signal, WindowAsked, parts, metered=True),
        ]

    def signals(self, visit: Visit, _: Nothing) -> Response:
        """List the signals of an asset."""
        asset = visit.asset()
        said = [SignalGiven.model_validate(one) for one in asset.manifest.signals]
        given = SignalsGiven(name=asset.name, version=asset.version, signals=said)
        return visit.unless_known(asset.version, lambda: json_of(given))

    def signal(self, visit: Visit, asked: WindowAsked) -> Response:
        """Read a signal, or the part of it in a window of time.

        JSON says what the signal is, with its values where a window or a unit is asked for; Arrow,
        CSV and Parquet give a table; binary little-endian numbers as they were recorded, in C
        order, with shape and type in the headers; SVG draws it.
        """
        asset = visit.data()
        said = descriptor(asset, visit.part("signal"))
        form = visit.form("json", "binary", "arrow", "csv", "parquet", "svg")
        if form == "svg":
            return self._pictures.signal(visit, asset, said, asked.t0, asked.t1)

        def make() -> Response:
            whole = asked.t0 is None and asked.t1 is None and asked.unit is None
            if form == "json" and whole and said["kind"] in ("timeseries", "events", "frames"):
                return json_of(SignalGiven.model_validate(said))
            return _part_in(form, cut(asset[said["name"]], _wanted(asked)), said)

        return visit.unless_known(tag_of(asset, visit, form), make)

    def window(self, visit: Visit, asked: WindowAsked) -> Response:
        """Reduce a window of a signal to bins, for drawing.

        Of a time series each bin has its minimum and its maximum, of events each unit's count.
        Binary is little-endian, in C order, with ``Panneuro-Shape``, ``Panneuro-Dtype`` and
        ``Panneuro-Scale`` (what a step of 16-bit integers is worth; -32768 is no value) in the
        headers.
        """
        asset = visit.data()
        said = descriptor(asset, visit.part("signal"))
        form = visit.form("json", "binary")

        def make() -> Response:
            found, channels = self._window(asset, said, asked)
            if asked.summary == "peaks" and channels is not None:
                middle = windows.middles(asset, said["name"], span_of(asset, said), self._shelf)
                found = windows.peaks(found, middle[channels])
            return _binary(found, asked) if form == "binary" else _listed(found, said, channels)

        return visit.unless_known(tag_of(asset, visit, form), make)

    def _window(
        self, asset: Asset, said: dict[str, Any], asked: WindowAsked
    ) -> tuple[Window, list[int] | None]:
        """Return the window and its channels; None of events."""
        bins, name = asked.px or 1024, said["name"]
        if said["kind"] == "events":
            _refuse_more(bins * said["units"])
            return windows.counts(asset, name, asked.span, bins, self._shelf), None
        n_channels = levels_of(asset, name, self._shelf).signal.n_channels
        channels = _channels(asked.channels) or list(range(n_channels))
        _refuse_more(bins * len(channels))
        found = windows.extremes(asset, name, asked.span, bins, channels, self._shelf)
        return found, channels

    def frame(self, visit: Visit, asked: MomentAsked) -> Response:
        """Return the image that was on view at a time, as PNG."""
        asset = visit.data()
        signal = asset[visit.part("signal")]
        if not isinstance(signal, Frames):
            raise InputError(f"{signal.name!r} holds no images")
        return visit.unless_known(
            tag_of(asset, visit, "png"),
            lambda: Response(self._pictures.frame(signal, asked.t), media_type="image/png"),
        )

    def video(self, visit: Visit, _: Nothing) -> Response:
        """Return the video that holds the images of a signal, or the range of it asked for."""
        asset = visit.data()
        said = descriptor(asset, visit.part("signal"))
        file = video_of(asset, said)
        if file is None:
            raise InputError(
                f"{said['name']!r} has no video that browsers play", hint="/frame?t= gives images"
            )
        form = VIDEOS[PurePosixPath(file.path).suffix.lower()]
        key = asset.manifest.key_of(file)
        piece = Piece(visit.store, key, file.size, file.digest, file.path, MEDIA[form])
        return send(visit, piece, direct=False)


class MomentAsked(BaseModel):
    """A moment."""

    model_config = ConfigDict(extra="ignore")

    t: float = Field(0.0, allow_inf_nan=False, description="second on the session's clock")


def shelf_of_levels() -> Shelf:
    """Return the shelf on which a server keeps coarse levels and times of events."""
    return Shelf(_SHELF_BYTES, lambda value: int(value.nbytes))


def descriptor(asset: Asset, name: str) -> dict[str, Any]:
    """Return what is written of a signal.

    Raises
    ------
    NotFoundError
        If the asset has none of that name.
    """
    for said in asset.manifest.signals:
        if said["name"] == name:
            return dict(said)
    raise NotFoundError(
        f"{asset.name!r} has no signal {name!r}", hint=f"it has: {', '.join(asset.signals)}"
    )


def tag_of(asset: Asset, visit: Visit, form: str) -> str:
    """Return what names an answer about a version: the version and all that was asked."""
    asked = f"{asset.name}@{asset.version} {visit.request.url.path}?{visit.request.url.query}"
    return digest_bytes(f"{asked} {form}".encode())[-32:]


def json_of(model: BaseModel) -> Response:
    """Answer with a model as JSON."""
    return Response(model.model_dump_json(), media_type="application/json")


def _channels(text: str | None) -> list[int]:
    found: list[int] = []
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first:
            found.extend(range(int(first), int(last or first) + 1))
    if len(set(found)) < len(found):
        raise InputError(f"channels={text!r} names a channel twice")
    return found


def _wanted(asked: WindowAsked) -> Wanted:
    for bound in (asked.t0, asked.t1):
        if bound is not None and not math.isfinite(bound):
            raise InputError(f"the time {bound!r} is none", hint="t0=0&t1=10")
    return Wanted(asked.t0, asked.t1, _channels(asked.channels) or None, asked.unit)


def _refuse_more(count: int) -> None:
    if count > _MOST_VALUES:
        raise LimitError(
            f"the window has {count:,} bins of channels or units, more than {_MOST_VALUES:,}",
            hint="ask for fewer channels= or a smaller px=",
        )


def _part_in(form: str, part: Part, said: dict[str, Any]) -> Response:
    """Read a part and answer with it in a form."""
    if part.n_bytes > _MOST_BYTES:
        raise LimitError(
            f"{part.shown}, is about {part.n_bytes / 1e6:,.0f} MB, more than one answer holds",
            hint="ask for less time, or read it with panneuro.open",
        )
    if form == "json":
        return json_of(SignalGiven.model_validate({**said, "values": values(part)}))
    if form == "binary":
        return _numbers(part)
    if part.tables is None:
        raise InputError(f"{part.shown} is no table", hint="format=binary")
    if form == "arrow":
        return Response(_stream(part.tables()), media_type="application/vnd.apache.arrow.stream")
    sink = io.BytesIO()
    write(part, sink, form, Silence())
    name = f'attachment; filename="{said["name"].encode("ascii", "replace").decode()}.{form}"'
    media = "text/csv" if form == "csv" else "application/vnd.apache.parquet"
    return Response(sink.getvalue(), media_type=media, headers={"content-disposition": name})


def _stream(tables: Iterable[Any]) -> bytes:
    import pyarrow as pa

    sink, writer = io.BytesIO(), None
    for table in tables:
        writer = writer or pa.ipc.new_stream(sink, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    return sink.getvalue()


def _numbers(part: Part) -> Response:
    if part.blocks is None:
        raise InputError(f"{part.shown} is no array", hint="format=arrow")
    found = np.concatenate(list(part.blocks()) or [np.empty(0)])
    little = found.astype(found.dtype.newbyteorder("<"), copy=False)
    return _array(little, {})


def _binary(found: Window, asked: WindowAsked) -> Response:
    if asked.dtype == "int16":
        numbers, worth = windows.narrowed(found)
    else:
        numbers, worth = found.values.astype("<f4"), 1.0
    said = {"start-s": found.start_s, "step-s": found.step_s, "scale": worth}
    answer = _array(numbers, said)
    if found.values.dtype.kind == "f":
        # Noise does not compress, and trying takes longer than sending it.
        answer.headers["content-encoding"] = "identity"
    return answer


def _array(numbers: np.ndarray[Any, Any], said: dict[str, float]) -> Response:
    headers = {f"panneuro-{key}": repr(float(value)) for key, value in said.items()}
    headers["panneuro-shape"] = ",".join(map(str, numbers.shape))
    headers["panneuro-dtype"] = numbers.dtype.name
    body = np.ascontiguousarray(numbers).tobytes()
    return Response(body, media_type="application/octet-stream", headers=headers)


def _listed(found: Window, said: dict[str, Any], channels: list[int] | None) -> Response:
    given: dict[str, Any] = {
        "name": said["name"],
        "start_s": found.start_s,
        "step_s": found.step_s,
        "unit": said.get("unit", "events"),
        "channels": channels,
    }
    if channels is None:
        return JSONResponse({**given, "counts": found.values.tolist()})
    if found.values.ndim == 2:
        return JSONResponse({**given, "low": _finite(found.values)})
    low, high = _finite(found.values[..., 0]), _finite(found.values[..., 1])
    return JSONResponse({**given, "low": low, "high": high})


def _finite(numbers: np.ndarray[Any, Any]) -> list[Any]:
    """Return numbers as JSON has them: None where they are none."""
    shown = numbers.astype(object)
    shown[~np.isfinite(numbers)] = None
    return list(shown.tolist())
