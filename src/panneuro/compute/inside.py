"""The other side of `panneuro.compute.apart`: calls a function where panneuro is not installed.

Run as a script by the interpreter of another environment. It needs the standard library, of any
Python from 3.8, and NumPy where arrays are passed.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

_MAPPED_BYTES = 1 << 20


def _end_with_caller() -> None:
    """End, with all that was started here, when the one who called is gone."""
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(order: Path) -> int:
    """Do what an order says and write the answer beside it; return the exit status."""
    folder = order.parent
    said = json.loads(order.read_text(encoding="utf-8"))
    try:
        function = _found(Path(said["file"]), said["function"])
        inputs = {name: unpacked(one, folder) for name, one in said["inputs"].items()}
        if "folder" in inspect.signature(function).parameters:
            inputs["folder"] = folder
        answer = {"answer": packed(function(**inputs), folder, "out")}
        status = 0
    except Exception as error:  # noqa: BLE001
        told = f"{type(error).__name__}: {error}"
        answer = {"error": told, "traceback": traceback.format_exc()}
        status = 1
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return status


def _found(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def packed(value: Any, folder: Path, mark: str) -> Any:
    """Return a value as JSON has it, its arrays in files of a folder.

    Parameters
    ----------
    value : Any
        Arrays, paths, plain values, and lists and dicts of them.
    folder : Path
        Where arrays are put.
    mark : str
        How the names of these files begin.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"kind": "plain", "value": value}
    if isinstance(value, Path):
        return {"kind": "path", "path": str(value.absolute())}
    if isinstance(value, dict):
        inner = {str(key): packed(one, folder, f"{mark}.{i}") for i, (key, one) in _counted(value)}
        return {"kind": "dict", "items": inner}
    if isinstance(value, (list, tuple)):
        items = [packed(one, folder, f"{mark}.{i}") for i, one in enumerate(value)]
        return {"kind": "list", "items": items}
    if hasattr(value, "__array__") or hasattr(value, "dtype"):
        return _packed_array(value, folder, mark)
    raise TypeError(f"{type(value).__name__} cannot be passed between environments")


def _counted(value: Any) -> Any:
    return enumerate(value.items())


def _packed_array(value: Any, folder: Path, mark: str) -> Any:
    """Write an array block by block: it may be larger than the memory."""
    import numpy as np

    if not hasattr(value, "shape"):
        value = np.asarray(value)
    if value.dtype == object:
        text = [str(one) for one in value.ravel().tolist()]
        value = np.asarray(text, dtype=str).reshape(value.shape)
    path = folder / f"{mark}.npy"
    if value.ndim == 0 or 0 in value.shape:
        np.save(path, np.asarray(value), allow_pickle=False)
        return {"kind": "array", "path": path.name}
    sink = np.lib.format.open_memmap(path, mode="w+", dtype=value.dtype, shape=tuple(value.shape))
    row_bytes = max(1, sink.nbytes // len(sink))
    rows = max(1, (64 << 20) // row_bytes)
    for start in range(0, len(sink), rows):
        sink[start : start + rows] = np.asarray(value[start : start + rows])
    sink.flush()
    return {"kind": "array", "path": path.name}


def unpacked(said: Any, folder: Path) -> Any:
    """Return what `packed` was given; arrays are mapped from their files, to be read alone."""
    kind = said["kind"]
    if kind == "dict":
        return {key: unpacked(one, folder) for key, one in said["items"].items()}
    if kind == "list":
        return [unpacked(one, folder) for one in said["items"]]
    if kind == "path":
        return Path(said["path"])
    if kind == "array":
        import numpy as np

        path = folder / Path(said["path"]).name
        large = path.stat().st_size > _MAPPED_BYTES
        return np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
    return said["value"]


if __name__ == "__main__":
    threading.Thread(target=_end_with_caller, daemon=True).start()
    sys.exit(main(Path(sys.argv[1])))
