"""NWB, in HDF5 or in a Zarr store: everything the file holds, and the signals in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import h5py

from panneuro.core.errors import FormatError
from panneuro.formats.hdf5 import is_hdf5, open_hdf5, whole
from panneuro.formats.nwb_documents import read_documents
from panneuro.formats.nwb_hdf5 import read_tree
from panneuro.formats.nwb_signals import read_signals
from panneuro.formats.nwb_structure import build_structure
from panneuro.formats.nwb_tree import Tree
from panneuro.formats.nwb_zarr import read_zarr
from panneuro.formats.nwb_zarr2 import read_zarr2
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Recording, Signal, SourceFile

_ZARR_ROOTS = ("zarr.json", ".zattrs")


def sniff(source: Source) -> Match:
    """Recognise NWB by the version that its root declares."""
    if source.path.is_dir():
        return _sniff_folder(source)
    if not is_hdf5(source.head(source.path, 8)):
        named = source.path.suffix.lower() == ".nwb"
        return Match(0.6, "named .nwb, but not HDF5") if named else NO
    try:
        with open_hdf5(source.path) as handle, whole(source.path.name):
            declared = "nwb_version" in handle.attrs or _is_first(handle)
    except FormatError:
        return Match(0.6, "a damaged HDF5 file") if source.path.suffix == ".nwb" else NO
    return Match(1.0, "HDF5 that declares an NWB version") if declared else NO


def _is_first(handle: h5py.File) -> bool:
    """Say whether a file is NWB 1: it has a dataset where NWB 2 has an attribute."""
    held = handle.get("nwb_version", getlink=True)
    return isinstance(held, h5py.HardLink) and "nwb_version" not in handle.attrs


def _refuse_first(path: Path) -> None:
    with open_hdf5(path) as handle, whole(path.name):
        if _is_first(handle):
            raise FormatError(
                f"reading {path.name!r}: it is written in the first version of NWB, another "
                "format than NWB 2, which has no reader any more",
                hint="convert it to NWB 2 first: recordings of cells by the Allen Institute with "
                "ipfx, others from the rig's own files with neuroconv",
            )


def _sniff_folder(source: Source) -> Match:
    if _zarr_root(source.path) is not None:
        return Match(1.0, "a Zarr store that declares an NWB version")
    files = source.matching("*.nwb")
    if files and len(files) == len(source.files):
        return Match(0.9, "a folder of NWB files")
    return Match(0.6, f"{files[0].name} and files beside it") if len(files) == 1 else NO


def _zarr_root(folder: Path) -> str | None:
    for name in _ZARR_ROOTS:
        path = folder / name
        if path.is_file():
            with path.open("rb") as stream:
                if b'"nwb_version"' in stream.read(1 << 20):
                    return name
    return None


def read(source: Source) -> Recording:
    """Read an NWB file or store.

    Returns
    -------
    Recording
        With the whole tree as its `structure`, into which every signal points by its path.

    Raises
    ------
    FormatError
        If the file is damaged, reaches into other files, or is not NWB.
    """
    path = source.path if source.path.is_file() or _zarr_root(source.path) else _only(source)
    tree = _tree(path)
    if "nwb_version" not in tree.root.attributes:
        raise FormatError(f"reading {path.name!r}: it declares no NWB version")
    signals = read_signals(tree)
    files = [source.file(one, kept=path not in (one, source.path)) for one in source.files]
    files += _videos(source, path, tree, signals)
    structure = build_structure(tree)
    return Recording(
        "nwb",
        signals,
        tuple({file.name: file for file in files}.values()),
        read_documents(tree),
        tuple(tree.notes),
        structure,
    )


def _tree(path: Path) -> Tree:
    if path.is_file():
        _refuse_first(path)
        return read_tree(path)
    return read_zarr(path) if (path / "zarr.json").is_file() else read_zarr2(path)


def _only(source: Source) -> Path:
    files = source.matching("*.nwb")
    if len(files) != 1:
        raise FormatError(
            f"reading {str(source.path)!r}: it holds {len(files)} NWB files",
            hint="add them one by one: each is a recording of its own",
        )
    return files[0]


def _videos(
    source: Source, path: Path, tree: Tree, signals: tuple[Signal, ...]
) -> Iterator[SourceFile]:
    """Yield the videos that image series point to, beside the file and nowhere else."""
    root = source.root.resolve()
    for signal in signals:
        if not isinstance(signal, Frames) or not signal.file:
            continue
        video = (path.parent / PurePosixPath(signal.file)).resolve()
        if video.is_relative_to(root) and video.is_file():
            yield source.file(source.root / video.relative_to(root))
        else:
            tree.notes.append(f"the video {signal.file!r} of {signal.name!r} is not beside it")
