"""Exporting: an asset for tools that know nothing of us."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from panneuro.core.errors import InputError
from panneuro.core.manifest import StoredFile
from panneuro.core.progress import Progress, Silence
from panneuro.lake.asset import Asset
from panneuro.storage.nodes import Hierarchy
from panneuro.storage.quiet import QUIET


def export(
    asset: Asset, kind: str, to: Path, *, portable: bool = False, progress: Progress | None = None
) -> Path:
    """Write an asset to a folder or file, wholly or not at all.

    Parameters
    ----------
    asset : Asset
        Which.
    kind : str
        ``nwb`` (one HDF5 file), ``zarr`` (the NWB-Zarr store, whole whatever it shares with older
        versions) or ``original`` (the files that were kept verbatim).
    to : Path
        A folder to write into, or the name to write to, which must not exist.
    portable : bool
        Of ``zarr``: code arrays anew whose codecs do not ship with every Zarr.
    progress : Progress, optional
        Told of bytes as they are written, but for ``nwb``.

    Returns
    -------
    Path
        What was written.
    """
    writers: dict[str, tuple[str, Callable[[Asset, Path, Progress], None]]] = {
        "nwb": (".nwb", _nwb),
        "zarr": (".nwb.zarr", _portable_zarr if portable else _zarr),
        "original": ("", _original),
    }
    if kind not in writers:
        raise InputError(
            f"assets cannot be exported as {kind!r}", hint=f"use one of: {', '.join(writers)}"
        )
    if portable and kind != "zarr":
        raise InputError(f"exporting as {kind!r}: only zarr has codecs to be portable")
    ending, write = writers[kind]
    target = to / f"{asset.name}{ending}" if to.is_dir() else to
    if target.exists():
        raise InputError(f"exporting to {str(target)!r}: it exists", hint="name another place")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    _remove(partial)
    try:
        write(asset, partial, progress or Silence())
        partial.rename(target)
    finally:
        _remove(partial)
    return target


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _nwb(asset: Asset, path: Path, _: Progress) -> None:
    from pynwb import NWBHDF5IO

    from panneuro.storage.blockwise import BlockwiseIO

    # What the system says of a place that cannot be written is clearer than what HDF5 does.
    path.touch()
    with QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            BlockwiseIO(asset.zarr_store, mode="r", load_namespaces=True) as source,
            NWBHDF5IO(path, mode="w") as sink,
        ):
            sink.export(src_io=source, write_args={"link_data": False})


def _zarr(asset: Asset, path: Path, progress: Progress) -> None:
    tree = _tree(asset).files()
    files = _beside(asset, tree)
    progress.start("exporting", sum(file.size for file in files))
    _copy(asset, path, files, progress)
    _write_all(path, tree)


def _portable_zarr(asset: Asset, path: Path, progress: Progress) -> None:
    from panneuro.lake.adding import workers
    from panneuro.lake.recoding import Recoding

    hierarchy = _tree(asset)
    with workers() as executor:
        recoding = Recoding(asset, hierarchy, executor)
        replaced = tuple(f"{array}/c/" for array in recoding.paths)
        hierarchy.without_chunks(recoding.paths)
        files = _beside(asset, hierarchy.files())
        kept = [file for file in files if not file.path.startswith(replaced)]
        progress.start("exporting", recoding.total_bytes + sum(file.size for file in kept))
        for key, data in recoding.objects(progress.advance):
            _write(path, key, [data])
    _copy(asset, path, kept, progress)
    _write_all(path, hierarchy.files())


def _tree(asset: Asset) -> Hierarchy:
    """Return the nodes and small chunks of an asset's NWB tree."""
    inside = {k: v for k, v in asset.head.inline.items() if not k.startswith("_lake/")}
    return Hierarchy(inside)


def _beside(asset: Asset, tree: Mapping[str, bytes]) -> list[StoredFile]:
    """Return what belongs to an exported store and is not in its tree."""
    ours = ("_lake/", "references.json")
    return [f for f in asset.files if f.path not in tree and not f.path.startswith(ours)]


def _copy(asset: Asset, path: Path, files: Iterable[StoredFile], progress: Progress) -> None:
    for file in files:
        _write(path, file.path, asset.stream_file(file.path))
        progress.advance(file.size)


def _write_all(path: Path, tree: Mapping[str, bytes]) -> None:
    for key, data in tree.items():
        _write(path, key, [data])


def _original(asset: Asset, path: Path, progress: Progress) -> None:
    kept = [file for file in asset.files if file.path.startswith("original/")]
    if not kept:
        raise InputError(f"{asset.name!r} keeps no original files", hint="export zarr or nwb")
    progress.start("exporting", sum(file.size for file in kept))
    for file in kept:
        _write(path, file.path.removeprefix("original/"), asset.stream_file(file.path))
        progress.advance(file.size)


def _write(folder: Path, key: str, blocks: Iterable[bytes | memoryview]) -> None:
    target = folder / key
    if not target.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"exporting: the file name {key!r} leads out of the folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        stream.writelines(blocks)
