"""One chunk of an array, to bytes and back, through Zarr's own codecs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from zarr.core.array_spec import ArrayConfig, ArraySpec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.chunk_utils import ChunkTransform
from zarr.core.dtype import get_data_type_from_native_dtype
from zarr.core.metadata.v3 import parse_codecs

from panneuro.core.errors import CorruptionError

CodecConfig = Mapping[str, Any]
"""A codec as it stands in ``zarr.json``: a name and a configuration."""

_TEXT = np.dtypes.StringDType()
_TEXT_KINDS = "OTU"


@runtime_checkable
class Whole(Protocol):
    """A codec that makes the bytes of a chunk by itself, and tells what they decode to.

    What Zarr lays around codecs takes longer than a small chunk does.
    """

    def encoded(self, values: npt.NDArray[Any]) -> bytes:
        """Return the bytes of a chunk, which is in C order."""
        ...

    def gives_back(self, data: bytes, values: npt.NDArray[Any]) -> bool:
        """Say whether some bytes decode to exactly these values."""
        ...


@dataclass(frozen=True, eq=False)
class ChunkCoder:
    """Encodes and decodes chunks of one shape and type.

    Parameters
    ----------
    shape : tuple of int
        Of every chunk.
    dtype : dtype
        Of every element. Text of any kind (object, fixed or variable) is of variable length.
    codecs : sequence of mapping
        Zarr v3 codecs in order, as in ``zarr.json``.

    Examples
    --------
    >>> codecs = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
    >>> coder = ChunkCoder((2, 3), np.dtype("int16"), codecs)
    >>> data = coder.encode(np.arange(6, dtype="int16").reshape(2, 3))
    >>> len(data)
    16
    >>> coder.decode(data)
    array([[0, 1, 2],
           [3, 4, 5]], dtype=int16)
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    codecs: Sequence[CodecConfig]

    def __post_init__(self) -> None:
        if self.dtype.kind in _TEXT_KINDS:
            object.__setattr__(self, "dtype", _TEXT)

    @cached_property
    def _spec(self) -> ArraySpec:
        zdtype = get_data_type_from_native_dtype(self.dtype)
        config = ArrayConfig(order="C", write_empty_chunks=True)
        return ArraySpec(
            self.shape, zdtype, zdtype.default_scalar(), config, default_buffer_prototype()
        )

    @cached_property
    def _transform(self) -> ChunkTransform:
        evolved, spec = [], self._spec
        for codec in parse_codecs([dict(codec) for codec in self.codecs]):
            fitted = codec.evolve_from_array_spec(spec)
            evolved.append(fitted)
            spec = fitted.resolve_metadata(spec)
        return ChunkTransform(codecs=tuple(evolved))

    @cached_property
    def _whole(self) -> Whole | None:
        """The codec, where it is the only one and needs nothing around it."""
        codec, *others = self._transform.codecs
        return codec if isinstance(codec, Whole) and not others else None

    def encode(self, values: npt.NDArray[Any]) -> bytes:
        """Return the bytes of one chunk; a partial one is padded by repeating its last rows."""
        values = _native(values)
        short = [(0, whole - part) for whole, part in zip(self.shape, values.shape, strict=True)]
        if any(after for _, after in short):
            values = np.pad(values, short, mode="edge")
        values = self._laid_out(values)
        if self._whole is not None:
            return self._whole.encoded(values)
        buffer = self._spec.prototype.nd_buffer.from_numpy_array(values)
        encoded = self._transform.encode_chunk(buffer, self._spec)
        return b"" if encoded is None else encoded.to_bytes()

    def decode(self, data: bytes) -> npt.NDArray[Any]:
        """Return the values of one chunk."""
        buffer = self._spec.prototype.buffer.from_bytes(data)
        return np.asarray(self._transform.decode_chunk(buffer, self._spec).as_numpy_array())

    def encode_verified(self, values: npt.NDArray[Any]) -> bytes:
        """Return the bytes of one chunk after decoding them and comparing every element.

        Raises
        ------
        CorruptionError
            If the codecs do not give back what they were given.
        """
        laid_out = self._laid_out(_native(values))
        data = self.encode(laid_out)
        self.verify(laid_out, data)
        return data

    def _laid_out(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values in the order of memory in which the codecs take and give them."""
        turned = bool(self.codecs) and self.codecs[0]["name"] == "transpose"
        return np.asarray(values, self.dtype, order="F" if turned else "C")

    def verify(self, values: npt.NDArray[Any], data: bytes) -> None:
        """Raise CorruptionError unless some bytes decode to exactly these values."""
        if not self._gives_back(data, _native(values)):
            names = " + ".join(codec["name"] for codec in self.codecs)
            raise CorruptionError(
                f"the codecs {names} do not give back the {values.dtype} values they were given",
                hint="choose others with --codec, and report this",
            )

    def _gives_back(self, data: bytes, values: npt.NDArray[Any]) -> bool:
        if self._whole is not None and values.shape == self.shape:
            return self._whole.gives_back(data, values)
        return same(values, self.decode(data)[tuple(slice(length) for length in values.shape)])


def data_type(dtype: np.dtype[Any]) -> Any:
    """Return what ``zarr.json`` calls a type; text of any length is ``string``.

    Examples
    --------
    >>> data_type(np.dtype(">i2")), data_type(np.dtype(object))
    ('int16', 'string')
    """
    if dtype.kind in _TEXT_KINDS:
        return "string"
    return get_data_type_from_native_dtype(dtype).to_json(zarr_format=3)


def _native(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return text as text of variable length, and anything else as it is."""
    if values.dtype.kind == "O":
        texts = [_text(value) for value in values.flat]
        return np.array(texts, dtype=_TEXT).reshape(values.shape)
    return values.astype(_TEXT) if values.dtype.kind in _TEXT_KINDS else values


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def same(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> bool:
    """Say whether two arrays are the same to the bit, NaNs and signed zeros included."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.dtype.kind not in "fc":
        return bool(np.array_equal(left, right))
    words = np.dtype(f"u{left.dtype.itemsize // (2 if left.dtype.kind == 'c' else 1)}")
    return bool(
        np.array_equal(
            np.ascontiguousarray(left).view(words), np.ascontiguousarray(right).view(words)
        )
    )
