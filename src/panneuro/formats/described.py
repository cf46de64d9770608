"""What a description beside plain arrays says: the rate, the unit and all that they do not."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from panneuro.core.errors import FormatError
from panneuro.core.reals import is_real
from panneuro.documents.overrides import parse_typed_yaml

_MAX_BYTES = 1 << 20
_ENDINGS = (".yaml", ".yml", ".json")
_SHARED = ("description", "info")
_OTHER_WORDS = {
    "rate_hz": ("sample_rate", "sampling_rate", "sampling_frequency", "fs", "sfreq"),
    "n_channels": ("num_channels", "nb_channel", "num_chan"),
    "channels": ("channel_names", "channel_ids"),
    "start_s": ("t_start",),
}
_KEYS = """\
rate_hz: 30000         # samples per second
unit: volts            # of the physical value, value = stored * gain + offset
gain: 1.95e-7          # one number, or one a channel
offset: 0
dtype: int16           # raw binary only: how numpy would call the samples
n_channels: 4          # raw binary only: samples of all channels at one time follow each other
header_bytes: 0        # raw binary only: bytes before the first sample
channels: [a, b, c, d] # names
start_s: 0             # time of the first sample
name: raw              # of the signal
electrodes: true       # whether the channels are electrodes
session_start: 2024-05-01T09:30:00+02:00
"""


@dataclass(frozen=True)
class Description:
    """A parsed description.

    Parameters
    ----------
    path : str
        Where it was found, for messages.
    values : mapping
        What it says, by the words of `panneuro`.
    """

    path: str
    values: Mapping[str, Any]

    def wrong(self, key: str, wanted: str) -> FormatError:
        """Return the error for a key that is missing or cannot be used."""
        found = reprlib.repr(self.values[key]) if key in self.values else "missing"
        return FormatError(
            f"reading {self.path!r}: {key!r} must be {wanted}, and is {found}", hint=example()
        )

    def number(self, key: str, default: float | None = None) -> float:
        """Return a finite number."""
        value = self.values.get(key, default)
        if not is_real(value):
            raise self.wrong(key, "a number")
        return float(value)

    def count(self, key: str, default: int | None = None) -> int:
        """Return a whole number that is not negative."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.wrong(key, "a whole number")
        return value

    def text(self, key: str, default: str) -> str:
        """Return a text."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def factor(self, key: str, default: float, n_channels: int) -> Any:
        """Return one number, or an array with one for each channel."""
        value = self.values.get(key, default)
        if not isinstance(value, list):
            return self.number(key, default)
        if len(value) != n_channels or not all(map(is_real, value)):
            raise self.wrong(key, f"one number, or {n_channels} of them")
        return np.array(value, dtype=np.float64)

    def names(self, n_channels: int) -> tuple[str, ...]:
        """Return the names of the channels, or none."""
        value = self.values.get("channels", [])
        if not isinstance(value, list) or len(value) not in (0, n_channels):
            raise self.wrong("channels", f"a list of {n_channels} names")
        return tuple(str(name) for name in value)

    def dtype(self) -> np.dtype[Any]:
        """Return the type of the samples of a raw binary file."""
        try:
            found = np.dtype(self.text("dtype", ""))
        except TypeError as error:
            raise self.wrong("dtype", "a type such as 'int16' or '>f4'") from error
        if "dtype" not in self.values or found.kind not in "iuf" or found.itemsize > 8:
            raise self.wrong("dtype", "a type of integers or floats such as 'int16' or '>f4'")
        return found

    def channels(self) -> int:
        """Return the number of channels of a raw binary file."""
        shape = self.values.get("shape")
        if "n_channels" not in self.values and isinstance(shape, list) and shape:
            return Description(self.path, {"n_channels": shape[-1]}).channels()
        found = self.count("n_channels", 0)
        if found < 1:
            raise self.wrong("n_channels", "at least 1")
        return found


def example() -> str:
    """Return a description to copy."""
    return (
        "write beside the data a file such as description.yaml, or NAME.yaml for NAME.bin, with "
        f"at least rate_hz (and for raw binary dtype and n_channels):\n\n{_KEYS}"
    )


def of(path: Path, more: Mapping[str, Any] | None = None) -> Description | None:
    """Return the description of a file of samples, or None where there is none.

    That is a file of the same name that ends in ``.yaml`` or ``.json``, else ``description`` or
    ``info`` in the same folder.

    Parameters
    ----------
    path : Path
        The file of samples.
    more : mapping, optional
        What the file itself says; it counts where the description is silent.
    """
    stems = (path.name, path.stem, *_SHARED)
    places = [path.with_name(stem + ending) for stem in stems for ending in _ENDINGS]
    found = next((place for place in places if place.is_file() and place != path), None)
    if found is None and not more:
        return None
    values = dict(more or {}) | (_parsed(found) if found else {})
    return Description(str(found or path), _in_our_words(values))


def _parsed(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise FormatError(
            f"reading {str(path)!r}: {size:,} bytes are too many for a description", hint=example()
        )
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else parse_typed_yaml(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise FormatError(
            f"reading {str(path)!r}: it is not well-formed ({error})", hint=example()
        ) from error
    if not isinstance(found, dict):
        raise FormatError(f"reading {str(path)!r}: it holds no keys and values", hint=example())
    return {str(key): value for key, value in found.items()}


def _in_our_words(values: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(values)
    for ours, theirs in _OTHER_WORDS.items():
        for word in theirs:
            if word in found and ours not in found:
                found[ours] = found[word]
    return found
