"""Data in pickles, read without unpickling: nothing is imported, called or constructed.

hdmf-zarr before 0.14 kept references in Zarr v2 stores as pickled arrays of dicts. To load a pickle
is to run the program in it; here its opcodes are only looked at, and the few that build plain data
are followed.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from panneuro.core.errors import FormatError

MAX_OPCODES = 10_000_000
"""A pickle with more opcodes than this is refused."""


@dataclass(frozen=True)
class Global:
    """The name of something a pickle would have imported."""

    module: str
    name: str


@dataclass
class Called:
    """What a pickle would have constructed: only what it would have been called with."""

    what: Any
    arguments: Any
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)

    def append(self, item: Any) -> None:
        """Keep an item as a list would."""
        self.items[len(self.items)] = item


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "STRING"}
_BYTES = {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING"}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def look_into(data: bytes) -> Any:
    """Return the data in a pickle as plain values, `Global` and `Called`.

    Raises
    ------
    FormatError
        If it is not a pickle, or holds more than plain data and constructions.

    Examples
    --------
    >>> import pickle
    >>> look_into(pickle.dumps([{"path": "/units"}, 3]))
    [{'path': '/units'}, 3]
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count > MAX_OPCODES:
                raise FormatError("reading a pickle: it is too long")
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"reading a pickle: it is damaged: {error!r}") from error
    return machine.result


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.result: Any = None

    def step(self, name: str, argument: Any) -> None:
        if name in _NUMBERS | _TEXTS | _BYTES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            self._take(_TUPLES[name])
        else:
            method = getattr(self, f"_{name.lower()}", None)
            if method is None:
                raise FormatError(f"reading a pickle: it does more than hold data ({name})")
            method(argument)

    def _take(self, count: int) -> None:
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(items)

    def _marked(self) -> list[Any]:
        position = len(self.stack) - 1
        while self.stack[position] is not _MARK:
            position -= 1
            if position < 0:
                raise ValueError("no mark")
        items = self.stack[position + 1 :]
        del self.stack[position:]
        return items

    def _proto(self, _: Any) -> None:
        """Any protocol is read."""

    _frame = _proto

    def _stop(self, _: Any) -> None:
        self.result = self.stack.pop()

    def _mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _empty_list(self, _: Any) -> None:
        self.stack.append([])

    def _empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._marked()))

    def _list(self, _: Any) -> None:
        self.stack.append(self._marked())

    def _append(self, _: Any) -> None:
        item = self.stack.pop()
        self.stack[-1].append(item)

    def _appends(self, _: Any) -> None:
        for item in self._marked():
            self.stack[-1].append(item)

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._holder()[key] = value

    def _setitems(self, _: Any) -> None:
        items = self._marked()
        self._holder().update(zip(items[::2], items[1::2], strict=True))

    def _holder(self) -> dict[Any, Any]:
        top = self.stack[-1]
        return top.items if isinstance(top, Called) else top

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _put(self, argument: Any) -> None:
        self.memo[int(argument)] = self.stack[-1]

    _binput = _long_binput = _put

    def _get(self, argument: Any) -> None:
        self.stack.append(self.memo[int(argument)])

    _binget = _long_binget = _get

    def _global(self, argument: Any) -> None:
        self.stack.append(Global(*str(argument).split(" ", 1)))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(Global(str(module), str(name)))

    def _reduce(self, _: Any) -> None:
        arguments, what = self.stack.pop(), self.stack.pop()
        self.stack.append(Called(what, arguments))

    _newobj = _reduce

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        self.stack[-1].state = state


def as_numpy(found: Any) -> Any:
    """Return pickled NumPy arrays and numbers as such, also inside lists and dicts.

    Only arrays of plain numbers are made, from their bytes; arrays of objects become lists.

    Examples
    --------
    >>> import pickle
    >>> import numpy as np
    >>> as_numpy(look_into(pickle.dumps(np.arange(3, dtype="i2"), 4)))
    array([0, 1, 2], dtype=int16)
    """
    if isinstance(found, list):
        return [as_numpy(item) for item in found]
    if isinstance(found, tuple):
        return tuple(as_numpy(item) for item in found)
    if isinstance(found, dict):
        return {key: as_numpy(value) for key, value in found.items()}
    if not isinstance(found, Called) or not isinstance(found.what, Global):
        return found
    if not found.what.module.startswith("numpy"):
        return found
    if found.what.name == "scalar" and len(found.arguments) == 2:
        return np.frombuffer(_bytes(found.arguments[1]), _dtype(found.arguments[0]), 1)[0]
    if found.what.name != "_reconstruct" or not isinstance(found.state, tuple):
        return found
    _, shape, dtype, fortran, data = found.state
    if isinstance(data, list):
        return as_numpy(data)
    values = np.frombuffer(_bytes(data), _dtype(dtype))
    return values.reshape(shape, order="F" if fortran else "C")


def _bytes(found: Any) -> bytes:
    """Return bytes, which old protocols write as Latin-1 text to be encoded."""
    if isinstance(found, Called) and found.what == Global("_codecs", "encode"):
        return str(found.arguments[0]).encode("latin-1")
    if not isinstance(found, bytes):
        raise FormatError("reading a pickle: it holds an array without its bytes")
    return found


def _dtype(found: Any) -> np.dtype[Any]:
    """Return the type of numbers that a pickled dtype tells."""
    if not isinstance(found, Called) or not isinstance(found.arguments[0], str):
        raise FormatError("reading a pickle: it holds an array of an odd type")
    dtype = np.dtype(found.arguments[0])
    if isinstance(found.state, tuple) and found.state[1] == ">":
        dtype = dtype.newbyteorder(">")
    if dtype.kind not in "biufc":
        raise FormatError(f"reading a pickle: it holds an array of {dtype}")
    return dtype
