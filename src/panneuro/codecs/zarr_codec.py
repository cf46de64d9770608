"""``panneuro.lattice-lpc`` as Zarr sees it: an array → bytes codec of version 3.

Registered by the entry point of group ``zarr.codecs``; nothing need be imported to read or write.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.common import parse_named_configuration

from panneuro.codecs.fitter import Fitter
from panneuro.codecs.lattice_lpc import check_dtype, decode, encode, gives_back
from panneuro.core.errors import InputError

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

NAME = "panneuro.lattice-lpc"
FAST = {"effort": "fast"}
"""The one setting that there is."""


@dataclass(frozen=True)
class LatticeLPC(ArrayBytesCodec):
    """Codes recordings of many electrodes without loss.

    Parameters
    ----------
    fast : bool
        Spend less time on coding, and on decoding later, for streams that are a little longer. Any
        reader reads both.

    Examples
    --------
    >>> LatticeLPC().to_dict()
    {'name': 'panneuro.lattice-lpc'}
    >>> LatticeLPC(fast=True).to_dict()
    {'name': 'panneuro.lattice-lpc', 'configuration': {'effort': 'fast'}}
    """

    fast: bool = False
    fitter: Fitter = field(init=False, repr=False, compare=False)
    """What suited the chunk before: two codecs are the same whatever they remember."""

    is_fixed_size = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "fitter", Fitter(fast=self.fast))

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return the codec of its entry in ``zarr.json``.

        Raises
        ------
        InputError
            If it has settings, which a later version may have.
        """
        _, settings = parse_named_configuration(data, NAME, require_configuration=False)
        if settings and settings != FAST:
            raise InputError(
                f"the codec {NAME} does not know the settings {settings!r}",
                hint="pip install --upgrade panneuro",
            )
        return cls(fast=bool(settings))

    def to_dict(self) -> dict[str, Any]:
        """Return what stands in ``zarr.json``."""
        return {"name": NAME, "configuration": dict(FAST)} if self.fast else {"name": NAME}

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """Return the codec itself, which suits arrays of any shape."""
        check_dtype(array_spec.dtype.to_native_dtype())
        return self

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Raise: how long a stream becomes is known when it is there."""
        raise NotImplementedError

    def _encode_sync(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        samples = np.ascontiguousarray(chunk_array.as_numpy_array())
        stream = encode(samples.reshape(chunk_spec.shape), self.fitter)
        return chunk_spec.prototype.buffer.from_bytes(stream)

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        dtype = chunk_spec.dtype.to_native_dtype()
        samples = decode(chunk_bytes.to_bytes(), chunk_spec.shape, dtype)
        return chunk_spec.prototype.nd_buffer.from_ndarray_like(samples)

    def encoded(self, values: npt.NDArray[Any]) -> bytes:
        """Return the stream of a chunk, as Zarr would."""
        return encode(values, self.fitter)

    def gives_back(self, data: bytes, values: npt.NDArray[Any]) -> bool:
        """Say whether some bytes decode to exactly these values."""
        return gives_back(data, values)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)
