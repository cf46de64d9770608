"""Lossless coding of recordings of many electrodes: lattice, linear prediction, entropy stage.

The stream is specified in ``docs/reference/codec-lattice-lpc.md``; `panneuro.codecs.reference`
reads it in plain NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from google_crc32c import value as crc32c

from panneuro.codecs import entropy
from panneuro.codecs.entropy import (
    HIGHEST_LEVEL,
    LONGEST,
    MOST_DIRECT,
    MOST_TABLES,
    SHORTEST,
    STATES,
    Coded,
)
from panneuro.codecs.fitter import Fitter
from panneuro.codecs.lattice import AFFINE, PALETTE, PLACES, PLAIN, Lattice, apply
from panneuro.codecs.native import call, kernels
from panneuro.codecs.predictor import (
    LANES,
    MAX_LAG,
    MAX_PREDICTED,
    MAX_TAPS,
    Model,
    restore,
)
from panneuro.codecs.reference import n_tokens
from panneuro.codecs.stream import (
    CODED,
    DTYPES,
    LEVELS,
    MAX_BYTES,
    STORED,
    Coding,
    Header,
    Reader,
    Writer,
    damaged,
)
from panneuro.core.errors import InputError
from panneuro.core.memory import scratch

Array = npt.NDArray[Any]

RANKS = 1 << 16
"""Values that floats may take in a chunk."""


def encode(samples: Array, fitter: Fitter | None = None) -> bytes:
    """Return the stream of some samples.

    Parameters
    ----------
    samples : int16, uint16, int32, uint32, float32 or float64 array
        Time along the first axis; the others are channels. In any order in memory. Floats are coded
        where they take few values, as those that are integers times a gain do.
    fitter : Fitter, optional
        Knows the models of earlier chunks of the same channels, which makes this faster.

    Raises
    ------
    InputError
        If the samples are of another type, or too many for one chunk.

    Examples
    --------
    >>> samples = np.cumsum(np.arange(600).reshape(200, 3) % 7, axis=0).astype(np.int16)
    >>> stream = encode(samples)
    >>> bool((decode(stream, samples.shape, samples.dtype) == samples).all())
    True
    >>> len(stream) < samples.nbytes
    True
    """
    check_dtype(samples.dtype)
    if samples.nbytes >= MAX_BYTES:
        raise InputError(
            f"encoding a chunk of {samples.nbytes} bytes: at most {MAX_BYTES - 1} fit one stream",
            hint="use smaller chunks",
        )
    table = np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))
    table = table.reshape(_table_shape(samples.shape))
    stored = _stored(table)
    rows, channels = table.shape
    fields = table.dtype.name, rows, channels, crc32c(stored)
    coded = None
    if table.size:
        code = _leveled if table.dtype.kind == "f" else _coded
        coded = code(table, fields, fitter or Fitter())
    if coded is not None and len(coded) < table.nbytes:
        return coded
    writer = Writer(Header(STORED, 0, *fields))
    writer.raw(stored)
    return writer.finished()


def decode(stream: bytes, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Return the samples of a stream.

    Parameters
    ----------
    stream : bytes
        As `encode` returned it.
    shape, dtype
        Of the samples, as the array's metadata say. Memory is taken for these.

    Raises
    ------
    FormatError
        If it is no such stream or of a newer version.
    CorruptionError
        If it is damaged, or holds samples of another shape or type.
    """
    table = _decoded(stream, shape, np.dtype(dtype))
    return table.reshape(shape).astype(dtype, copy=False)


def gives_back(stream: bytes, samples: Array) -> bool:
    """Say whether a stream decodes to exactly these samples: the same bits.

    Parameters
    ----------
    stream : bytes
        As `encode` returned it.
    samples : array
        Of a type that `encode` takes.

    Raises
    ------
    FormatError, CorruptionError
        As `decode` does.

    Examples
    --------
    >>> samples = np.arange(600, dtype=np.int16).reshape(200, 3)
    >>> stream = encode(samples)
    >>> gives_back(stream, samples), gives_back(stream, samples[::-1])
    (True, False)
    """
    dtype = samples.dtype.newbyteorder("=")
    into = scratch("samples", _table_shape(samples.shape), dtype)
    table = _decoded(stream, samples.shape, dtype, into)
    return _alike(_stored(table), _stored(np.ascontiguousarray(samples)))


def _alike(left: Array, right: Array) -> bool:
    library = kernels()
    if library is None:
        return bool(np.array_equal(left, right))
    return not call(library, "differ", left, right, left.size)


def _decoded(
    stream: bytes, shape: tuple[int, ...], dtype: np.dtype[Any], into: Array | None = None
) -> Array:
    """Return the samples of a stream as a table; `into` is memory that may be used for it."""
    reader = Reader(stream)
    header = reader.header
    found = (header.rows, header.channels), header.dtype
    wanted = _table_shape(shape), dtype.name
    if found != wanted:
        raise damaged(f"it holds {found[0]} {found[1]} samples, not {wanted[0]} {wanted[1]}")
    table = _samples(reader, into)
    if crc32c(_stored(table)) != header.checksum:
        raise damaged("its samples do not match their checksum")
    return table


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Refuse samples of a type that this codec does not code.

    Raises
    ------
    InputError
        Naming those that it does.
    """
    if dtype.name not in DTYPES:
        raise InputError(
            f"the codec panneuro.lattice-lpc does not code {dtype} samples",
            hint=f"use another codec, or one of the types {', '.join(DTYPES)}",
        )


def _table_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    rows = shape[0] if shape else 1
    return rows, int(np.prod(shape[1:], dtype=np.int64))


def _stored(table: Array) -> Any:
    """Return the bytes of samples as they are stored plainly, not to be written to."""
    bytes_ = np.ascontiguousarray(table, table.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    bytes_.flags.writeable = False
    return bytes_


def _signed(table: Array) -> Array:
    """Return samples as signed numbers; the middle of unsigned ones becomes zero."""
    if table.dtype.kind == "i":
        return table
    width = np.dtype(f"i{table.itemsize}")
    signed: Array = table.view(width) ^ width.type(np.iinfo(width).min)
    return signed


Fields = tuple[str, int, int, int]


def _leveled(table: Array, fields: Fields, fitter: Fitter) -> bytes | None:
    """Code floats by their rank among the values that occur; None where these are too many."""
    bits = table.reshape(-1).view(f"u{table.itemsize}")
    if len(np.unique(bits[: 4 * RANKS : 2])) > RANKS:
        return None
    levels, ranks = np.unique(bits, return_inverse=True)
    if len(levels) > RANKS:
        return None
    negative = levels >> levels.dtype.type(8 * table.itemsize - 1)
    order = np.concatenate([np.flatnonzero(negative)[::-1], np.flatnonzero(negative == 0)])
    places = np.empty(len(levels), np.int64)
    places[order] = np.arange(len(levels))
    codes = (places[ranks] - RANKS // 2).astype(np.int16).reshape(table.shape)
    writer = Writer(Header(LEVELS, 0, *fields))
    writer.count(len(levels))
    writer.numbers(levels[order].view(table.dtype))
    writer.raw(encode(codes, fitter))
    return writer.finished()


def _coded(table: Array, fields: Fields, fitter: Fitter) -> bytes:
    lattice, codes = fitter.codes(_signed(table))
    residuals = scratch("residuals", codes.shape[::-1], codes.dtype)
    model, planes = fitter.predict(codes, residuals)
    coded = entropy.encode(planes)
    writer = Writer(Header(CODED, model.bits, *fields))
    shape = len(coded.shifts), coded.direct, coded.block, model.weights.shape[1]
    writer.coding(Coding(model.lanes, model.taps, *shape, lattice.shift, lattice.step))
    bases = lattice.bases >> lattice.shift
    writer.numbers(lattice.modes, often=True)
    for numbers in (bases, lattice.sizes, lattice.gaps, model.offsets):
        writer.numbers(numbers)
    writer.numbers(model.weights, often=True)
    writer.raw(coded.shifts.tobytes())
    for steps in (coded.levels, coded.tables.astype(np.int16)):
        writer.numbers(_differences(steps))
    for numbers in (coded.states, coded.words, coded.extra):
        writer.counted(numbers)
    return writer.finished()


def _differences(rows: Array) -> Array:
    """Return, of each row, the first number and then what is added to it."""
    found = rows.copy()
    found[:, 1:] -= rows[:, :-1]
    return found


def _samples(reader: Reader, into: Array | None = None) -> Array:
    header = reader.header
    rows, channels, dtype = header.rows, header.channels, np.dtype(header.dtype)
    if header.kind == STORED:
        data = reader.raw(rows * channels * dtype.itemsize)
        reader.finish()
        return np.frombuffer(data, dtype.newbyteorder("<")).reshape(rows, channels).astype(dtype)
    if header.kind == LEVELS:
        return _from_levels(reader, dtype)
    if dtype.kind == "f":
        raise damaged(f"it codes {dtype} samples as integers")
    coding = reader.coding()
    _check(header, coding)
    lattice = _read_lattice(reader, coding)
    model = _read_model(reader, coding)
    width = np.dtype(f"i{dtype.itemsize}")
    residuals = scratch("residuals", (channels, rows), width)
    coded = _read_residuals(reader, coding, width)
    planes = entropy.decode(coded, residuals.shape, width, into=residuals)
    if planes is None:
        raise damaged("its residuals do not use up what is there, or want more")
    reader.finish()
    codes = restore(planes, model, into=None if into is None else into.view(width))
    _check_ranks(codes, lattice)
    samples = apply(codes, lattice)
    if dtype != width:
        samples ^= width.type(np.iinfo(width).min)
    return samples.view(dtype)


def _from_levels(reader: Reader, dtype: np.dtype[Any]) -> Array:
    count = reader.count()
    if dtype.kind != "f" or not 1 <= count <= RANKS:
        raise damaged(f"it tells {count} levels of {dtype} samples")
    levels = reader.numbers(count, dtype)
    ranks = decode(reader.rest(), (reader.header.rows, reader.header.channels), np.int16)
    places = ranks.astype(np.int64) + RANKS // 2
    if places.size and places.max() >= count:
        raise damaged(f"it has rank {places.max()} of {count} levels")
    return levels[places]


def _check(header: Header, coding: Coding) -> None:
    channels = header.channels
    if not header.rows:
        raise damaged("it holds no rows but is coded")
    tables = 1 <= coding.n_tables <= MOST_TABLES and 1 <= coding.direct <= MOST_DIRECT
    if not tables or not SHORTEST <= coding.block <= LONGEST:
        raise damaged(
            f"{coding.n_tables} tables of {coding.direct} numbers code blocks of {coding.block}"
        )
    if (
        coding.lanes not in LANES
        or (coding.lanes - 1) * -(-header.rows // coding.lanes) >= header.rows
    ):
        raise damaged(f"{header.rows} rows do not make {coding.lanes} lanes")
    if not 1 <= coding.classes <= channels or not 1 <= header.bits <= 30:
        raise damaged(f"{coding.classes} classes of weights with {header.bits} places")
    if coding.shift > PLACES or len(coding.taps) > MAX_TAPS:
        raise damaged(f"bases are shifted by {coding.shift}, taps are {len(coding.taps)}")
    if coding.taps and channels > MAX_PREDICTED:
        raise damaged(f"{channels} channels are predicted")
    for lag, distance in coding.taps:
        known = lag <= MAX_LAG and abs(distance) < channels
        if not known or (lag == 0 and distance >= 0):
            raise damaged(f"a tap lies {lag} samples back and {distance} channels on")


def _read_lattice(reader: Reader, coding: Coding) -> Lattice:
    header = reader.header
    modes = reader.numbers(header.channels, np.int16, often=True)
    if modes.size and not PLAIN <= modes.min() <= modes.max() <= PALETTE:
        raise damaged(f"lattices are of the kinds {np.unique(modes).tolist()}")
    bases = reader.numbers(int(np.count_nonzero(modes == AFFINE)), np.int64)
    sizes = reader.numbers(int(np.count_nonzero(modes == PALETTE)), np.int32)
    if (sizes < 1).any() or int(sizes.sum(dtype=np.int64)) > header.rows * header.channels:
        raise damaged(f"palettes are of {sizes.tolist()[:8]} values")
    gaps = reader.numbers(int(sizes.sum(dtype=np.int64)), np.int32)
    return Lattice(modes, coding.step, bases << coding.shift, coding.shift, sizes, gaps)


def _read_model(reader: Reader, coding: Coding) -> Model:
    offsets = reader.numbers(reader.header.channels, np.int32)
    n_taps, classes = len(coding.taps), coding.classes
    weights = reader.numbers(n_taps * classes, np.int32, often=True).reshape(n_taps, classes)
    return Model(coding.taps, weights, offsets, reader.header.bits, coding.lanes)


def _read_residuals(reader: Reader, coding: Coding, dtype: np.dtype[Any]) -> Coded:
    n_tables, direct, width = coding.n_tables, coding.direct, 8 * dtype.itemsize
    shifts = np.frombuffer(reader.raw(n_tables), np.uint8)
    levels = reader.numbers(n_tables * n_tokens(direct, dtype), np.int16).reshape(n_tables, -1)
    levels = np.cumsum(levels, axis=1)
    longest = (np.arange(levels.shape[1]) - 2 * direct) // 2 + shifts[:, None] > width + 1
    known = (shifts < width).all() and levels.min() >= 0 and levels.max() <= HIGHEST_LEVEL
    if not known or (levels.max(axis=1) < 2).any() or (levels > 0)[longest].any():
        raise damaged("its tables of frequencies cannot be")
    n_blocks = -(-reader.header.rows // coding.block)
    steps = reader.numbers(reader.header.channels * n_blocks, np.int16)
    tables = np.cumsum(steps.reshape(-1, n_blocks), axis=1)
    if tables.min() < 0 or tables.max() >= n_tables:
        raise damaged(f"its blocks use tables {tables.min()} to {tables.max()} of {n_tables}")
    states = reader.counted("u4")
    if len(states) not in STATES:
        raise damaged(f"it begins with {len(states)} states, not with one of {STATES}")
    numbers = tables.astype(np.uint8), states, reader.counted("u2"), reader.counted("u1")
    return Coded(coding.block, direct, shifts, levels, *numbers)


def _check_ranks(codes: Array, lattice: Lattice) -> None:
    for channel, size in zip(np.flatnonzero(lattice.modes == PALETTE), lattice.sizes, strict=True):
        ranks = codes[:, channel].astype(np.int64) + size // 2
        if ranks.min() < 0 or ranks.max() >= size:
            raise damaged(f"channel {channel} has a rank outside its palette of {size}")
