"""Weights in a standard file: named arrays with a header of text, in safetensors' format."""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError, InputError, LimitError, NotFoundError
from panneuro.core.extras import need

safetensors = need("safetensors", "deep", "Files of weights")
_numpy = need("safetensors.numpy", "deep", "Files of weights")

MAX_BYTES = 2**30
"""Files larger than this are refused: they are no decoder of ours."""

type Arrays = dict[str, npt.NDArray[Any]]


def write_weights(
    path: str | os.PathLike[str], arrays: Mapping[str, npt.NDArray[Any]], header: Mapping[str, Any]
) -> None:
    """Write arrays and what is to be known of them, wholly or not at all.

    Parameters
    ----------
    path : path
        A file that is there is replaced.
    arrays : mapping
        Arrays by name.
    header : mapping
        Anything that JSON can say, by name: the file's metadata.

    Raises
    ------
    InputError
        If the header is nothing that JSON can say.
    """
    target = Path(path)
    try:
        text = {name: json.dumps(value, allow_nan=False) for name, value in header.items()}
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the header of weights for {str(target)!r} cannot be written as JSON: {error}",
            hint="labels and names of units are texts or finite numbers",
        ) from error
    data = _numpy.save({name: np.ascontiguousarray(of) for name, of in arrays.items()}, text)
    partial = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        partial.write_bytes(data)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def read_weights(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and the header that :func:`write_weights` wrote.

    Nothing in the file is run or trusted: it holds numbers and JSON.

    Raises
    ------
    InputError
        If that is no path.
    NotFoundError
        If there is no such file.
    LimitError
        If it has more than `MAX_BYTES`.
    FormatError
        If it is not in safetensors' format, or its header is not JSON.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(
            f"weights are read from a file, not from {reprlib.repr(path)}",
            hint="give its path: 'choice.safetensors'",
        )
    source = Path(path)
    if not source.is_file():
        raise NotFoundError(f"weights were to be read from {str(source)!r}, and no file is there")
    if source.stat().st_size > MAX_BYTES:
        raise LimitError(
            f"weights in {str(source)!r} have {source.stat().st_size} bytes",
            hint=f"files up to {MAX_BYTES} bytes are read",
        )
    try:
        with safetensors.safe_open(source, framework="numpy") as file:
            header = {name: json.loads(text) for name, text in (file.metadata() or {}).items()}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, ValueError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{str(source)!r} holds no weights in safetensors' format: {error}"
        ) from error
    return arrays, header
