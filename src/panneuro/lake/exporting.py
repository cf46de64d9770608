"""Exporting: an asset for tools that know nothing of us."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from panneuro.core.errors import InputError
from panneuro.core.manifest import StoredFile
from panneuro.lake.asset import Asset
from panneuro.storage.nodes import Hierarchy
from panneuro.storage.quiet import QUIET


def export(asset: Asset, kind: str, to: Path) -> Path:
    """Write an asset to a folder or file, wholly or not at all.

    Parameters
    ----------
    asset : Asset
        Which.
    kind : str
        ``nwb`` (one HDF5 file), ``zarr`` (the NWB-Zarr store, whole whatever it shares with older
        versions) or ``original`` (the rig's own small files, verbatim).
    to : Path
        A folder to write into, or the name to write to, which must not exist.

    Returns
    -------
    Path
        What was written.
    """
    writers: dict[str, tuple[str, Callable[[Asset, Path], None]]] = {
        "nwb": (".nwb", _nwb),
        "zarr": (".nwb.zarr", _zarr),
        "original": ("", _original),
    }
    if kind not in writers:
        raise InputError(
            f"assets cannot be exported as {kind!r}", hint=f"use one of: {', '.join(writers)}"
        )
    ending, write = writers[kind]
    target = to / f"{asset.name}{ending}" if to.is_dir() else to
    if target.exists():
        raise InputError(f"exporting to {str(target)!r}: it exists", hint="name another place")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    _remove(partial)
    try:
        write(asset, partial)
        partial.rename(target)
    finally:
        _remove(partial)
    return target


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _nwb(asset: Asset, path: Path) -> None:
    from pynwb import NWBHDF5IO

    from panneuro.storage.blockwise import BlockwiseIO

    with QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            BlockwiseIO(asset.zarr_store, mode="r", load_namespaces=True) as source,
            NWBHDF5IO(path, mode="w") as sink,
        ):
            sink.export(src_io=source, write_args={"link_data": False})


def _zarr(asset: Asset, path: Path) -> None:
    inside = {k: v for k, v in asset.head.inline.items() if not k.startswith("_lake/")}
    tree = Hierarchy(inside).files()
    for key, data in tree.items():
        _write(path, key, [data])
    for file in asset.files:
        if file.path not in tree and not file.path.startswith(("_lake/", "references.json")):
            _write(path, file.path, asset.stream_file(file.path))


def _original(asset: Asset, path: Path) -> None:
    kept: list[StoredFile] = [f for f in asset.files if f.path.startswith("original/")]
    if not kept:
        raise InputError(f"{asset.name!r} keeps no original files", hint="export zarr or nwb")
    for file in kept:
        _write(path, file.path.removeprefix("original/"), asset.stream_file(file.path))


def _write(folder: Path, key: str, blocks: Iterable[bytes]) -> None:
    target = folder / key
    if not target.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"exporting: the file name {key!r} leads out of the folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        stream.writelines(blocks)
