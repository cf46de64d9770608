"""What a step returns, as an asset keeps it; and read back for the steps that take it.

Signals and tables are signals of the asset. Arrays of xarray become Zarr groups under ``arrays/``,
figures PNG and SVG under ``figures/``, plain values JSON under ``values/``, files and folders are
kept as they are under ``files/``. The same value always makes the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from panneuro.core.errors import InputError, NotFoundError
from panneuro.core.extras import need
from panneuro.documents.slots import Slot
from panneuro.lake.asset import Asset
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Signal
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

_INCHES_TO_PIXELS = 150


@dataclass
class Products:
    """What a run made, sorted by how it is kept.

    Parameters
    ----------
    signals : list of Signal
        Signals and tables.
    documents : list of Slot
        That replace what the asset inherits.
    files : dict of str to bytes or Path
        By path in the asset.
    said : dict
        By name, the kind and the path of what is no signal.
    """

    signals: list[Signal] = field(default_factory=list)
    documents: list[Slot] = field(default_factory=list)
    files: dict[str, bytes | Path] = field(default_factory=dict)
    said: dict[str, dict[str, str]] = field(default_factory=dict)

    def keep(self, name: str, value: Any) -> None:
        """Add a value under its name.

        Raises
        ------
        InputError
            If it is of no kind that can be kept.
        """
        if isinstance(value, TimeSeries | Events | Table | Frames):
            self.signals.append(replace(value, name=name, path=""))
        elif isinstance(value, pd.DataFrame | pd.Series):
            self.signals.append(Table.from_frame(name, _framed(value)))
        elif isinstance(value, Slot):
            self.documents.append(value)
        elif isinstance(value, Path):
            self._say(name, "files", f"files/{name}", _gathered(value, f"files/{name}"))
        elif _is_from(value, "matplotlib", "Figure"):
            self._say(name, "figure", f"figures/{name}.svg", _drawn(value, f"figures/{name}"))
        elif isinstance(value, np.ndarray) or _is_from(value, "xarray", "Dataset", "DataArray"):
            self._say(name, "array", f"arrays/{name}", _zarr(value, f"arrays/{name}"))
        else:
            path = f"values/{name}.json"
            self._say(name, "value", path, {path: _json(name, value)})

    def _say(
        self, name: str, kind: str, path: str, files: Mapping[str, bytes] | Mapping[str, Path]
    ) -> None:
        self.said[name] = {"kind": kind, "path": path}
        self.files.update(files)


def sorted_out(gives: tuple[str, ...], returned: Any) -> Products:
    """Return what a step returned, by the names that it gives.

    Parameters
    ----------
    gives : tuple of str
        Names.
    returned : Any
        One value; for several names a tuple of as many, or a mapping.

    Examples
    --------
    >>> sorted_out(("rate", "n"), (pd.DataFrame({"hz": [2.0]}), 3)).files
    {'values/n.json': b'3'}
    """
    if len(gives) == 1:
        values: Mapping[str, Any] = {gives[0]: returned}
    elif isinstance(returned, Mapping):
        values = returned
    else:
        one_each = isinstance(returned, tuple) and len(returned) == len(gives)
        values = dict(zip(gives, returned, strict=True)) if one_each else {}
    if set(values) != set(gives):
        raise InputError(
            f"the step gives {', '.join(gives)}, and returned {_told(returned)}",
            hint="return a tuple with a value for each, or a mapping by name",
        )
    products = Products()
    for name in gives:
        if values[name] is not None:
            products.keep(name, values[name])
    return products


def product(asset: Asset, name: str) -> Any:
    """Return a signal of an asset, or what else a run left in it, by name.

    Raises
    ------
    NotFoundError
        If it has nothing of that name.
    """
    said = asset.manifest.extra.get("products", {}).get(name)
    if said is None or name in asset:
        return asset[name]
    try:
        return _READ[said["kind"]](asset, said["path"])
    except KeyError as error:
        raise NotFoundError(
            f"{asset.name!r} holds {name!r} as {said.get('kind')!r}, which is not known here",
            hint="pip install --upgrade panneuro",
        ) from error


def names_in(asset: Asset) -> tuple[str, ...]:
    """Return the names of all that can be taken from an asset."""
    return (*asset.signals, *asset.manifest.extra.get("products", {}))


def _told(returned: Any) -> str:
    if isinstance(returned, Mapping):
        return f"a mapping of {', '.join(map(str, returned)) or 'nothing'}"
    if isinstance(returned, tuple):
        return f"a tuple of {len(returned)}"
    return type(returned).__name__


def _is_from(value: Any, package: str, *names: str) -> bool:
    return any(
        one.__module__.partition(".")[0] == package and one.__name__ in names
        for one in type(value).__mro__
    )


def _framed(value: pd.DataFrame | pd.Series[Any]) -> pd.DataFrame:
    """Return rows whose index is a column, unless it only counts them."""
    frame = value.to_frame() if isinstance(value, pd.Series) else value
    plain = frame.index.nlevels == 1 and frame.index.name is None
    return frame.reset_index(drop=plain)


def _gathered(path: Path, under: str) -> dict[str, Path]:
    if path.is_symlink() or not path.exists():
        raise InputError(f"the step gave {str(path)!r}, which is no file or folder")
    if path.is_file():
        return {f"{under}/{path.name}": path}
    found = sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink())
    return {f"{under}/{one.relative_to(path).as_posix()}": one for one in found}


def _drawn(figure: Any, path: str) -> dict[str, bytes]:
    """Draw a figure twice, with nothing in it that a clock or a chance decides."""
    matplotlib = need("matplotlib", "plot", "Keeping a figure")
    drawn = {}
    with matplotlib.rc_context({"svg.hashsalt": path}):
        for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            sink = io.BytesIO()
            figure.savefig(sink, format=kind, dpi=_INCHES_TO_PIXELS, metadata=metadata)
            drawn[f"{path}.{kind}"] = sink.getvalue()
    return drawn


def _zarr(value: Any, path: str) -> dict[str, bytes]:
    import xarray as xr
    from zarr.storage import MemoryStore

    if isinstance(value, np.ndarray):
        value = xr.DataArray(value)
    if isinstance(value, xr.DataArray):
        value = value.to_dataset(name=value.name or "values")
    held: dict[str, Any] = {}
    value.to_zarr(MemoryStore(held), mode="w", zarr_format=3, consolidated=False)
    return {f"{path}/{key}": data.to_bytes() for key, data in sorted(held.items())}


def _json(name: str, value: Any) -> bytes:
    """Return a plain value as JSON, for people too."""
    try:
        plain = TypeAdapter(Any).dump_python(_plain(value), mode="json")
        text = json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name!r} cannot be kept: {type(value).__name__}: {error}",
            hint="return a signal, a DataFrame, an array, a figure, a document or plain values",
        ) from error
    return text.encode()


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and dataclasses as plain values; what is not finite, as None."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _read_array(asset: Asset, path: str) -> Any:
    import xarray as xr

    import panneuro.signals.plots  # noqa: F401 - what is read draws itself

    found = xr.open_zarr(
        asset.zarr_store, group=path, zarr_format=3, consolidated=False, chunks=None
    )
    names = list(found.data_vars)
    return found[names[0]] if len(names) == 1 else found


_READ: dict[str, Callable[[Asset, str], Any]] = {
    "array": _read_array,
    "figure": lambda asset, path: asset.read_file(path),
    "value": lambda asset, path: json.loads(asset.read_file(path)),
    "files": lambda asset, path: {
        file.path.removeprefix(f"{path}/"): asset.read_file(file.path)
        for file in asset.files
        if file.path.startswith(f"{path}/")
    },
}
