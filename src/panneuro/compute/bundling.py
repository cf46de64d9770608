"""Bundles: a paper's slice of a lake in one archive that can be run again elsewhere."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from panneuro.compute.archives import Content, pack, unpack
from panneuro.compute.lineage import Lineage, lineage
from panneuro.compute.packages import LOCKED
from panneuro.compute.provenance import RO_CRATE, ro_crate
from panneuro.compute.reproducing import STEP
from panneuro.compute.running import On, entries
from panneuro.compute.texts import code_key, environment_key, lock_key, source_key
from panneuro.core.digests import PREFIX, canonical_json
from panneuro.core.errors import (
    CorruptionError,
    FormatError,
    InputError,
    NotFoundError,
    ObjectNotFoundError,
    PanneuroError,
    UnobtainableError,
)
from panneuro.core.manifest import KEY, Manifest, StoredFile, prefix_of
from panneuro.core.progress import Progress, Silence
from panneuro.core.run import Run
from panneuro.core.store import Store, check_key
from panneuro.lake.lake import Lake, open_lake
from panneuro.lake.runs import record_key
from panneuro.lake.settings import LAYOUT
from panneuro.storage.stores import open_store
from panneuro.storage.streams import blocks

FOLDER = "lake/"
"""Where in a bundle the lake lies."""

REFERENCES = "references.json"
_PARTS = ("assets/", "runs/")
_NOTEBOOK = ".ipynb"
_UNTITLED = "Results of a lake"
_README = """\
# {title}

A slice of a panneuro lake: {assets} assets, the {runs} runs that made them, the code that was run,
and the versions of all packages it ran with. `{crate}` tells all of it as an RO-Crate.

Make every result in it again, and compare:

    pip install "panneuro[provenance]"
    panneuro reproduce path/to/this.zip

That runs the code in this archive, as you. To look only: unpack it, and `panneuro find --lake
lake`; the assets are NWB-Zarr folders and Parquet files, which pynwb, xarray and pandas read
without panneuro.

Results:

{results}
{references}"""


@dataclass
class _Contents:
    """What a bundle is to hold.

    Parameters
    ----------
    lake : Lake
        From which.
    progress : Progress
        Told of bytes of assets.
    files : dict
        Content by path.
    missing : dict
        What is not to be had, and why.
    """

    lake: Lake
    progress: Progress
    files: dict[str, Content] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def asset(self, name: str, version: str, *, whole: bool) -> None:
        """Add a version: whole, or what tells the digests of its files."""
        key = f"{prefix_of(name, version)}/{KEY}"
        if (data := self._kept(f"asset {name}@{version}", key)) is None:
            return
        manifest = Manifest.decode(data)
        for file in manifest.files if whole else ():
            path = f"{FOLDER}{manifest.key_of(file)}"
            if path not in self.files:
                self.size += file.size
                self.files[path] = self._verified(manifest, file)

    def _verified(self, manifest: Manifest, file: StoredFile) -> Iterator[bytes]:
        running, key = hashlib.sha256(), manifest.key_of(file)
        for block in blocks(self.lake.store, key, file.size):
            running.update(block)
            self.progress.advance(len(block))
            yield block
        if PREFIX + running.hexdigest() != file.digest:
            raise CorruptionError(
                f"bundling {manifest.name!r}: {file.path!r} is not what its digest says",
                hint=f"panneuro check {manifest.name}",
            )

    def run(self, run: Run) -> None:
        """Add a record, and what is needed to repeat the run."""
        self.files[f"{FOLDER}{record_key(run)}"] = run.encode()
        if not run.code:
            return
        what = f"run of {run.step!r} that made {', '.join(run.outputs)}"
        self._kept(f"code of the {what}", code_key(run.code))
        if LOCKED in run.packages:
            self._kept(f"lock of the {what}", lock_key(run.packages[LOCKED]))
        said = self._kept(f"environment of the {what}", environment_key(run.installed))
        if said is not None:
            own = str(json.loads(said)["panneuro"]["source"])
            self._kept(f"panneuro of the {what}", source_key(own))

    def _kept(self, what: str, key: str) -> bytes | None:
        try:
            data = self.lake.store.get(key)
        except ObjectNotFoundError as error:
            self.missing[what] = error.message
            return None
        self.files[f"{FOLDER}{key}"] = data
        return data

    def given(self, path: Path) -> None:
        """Add a notebook, a figure or another file of the paper."""
        folder = "notebooks" if path.suffix == _NOTEBOOK else "files"
        if not path.is_file():
            raise NotFoundError(f"there is no file {str(path)!r}", hint="name a file that is there")
        inside = check_key(f"{folder}/{path.name}")
        if inside in self.files:
            raise InputError(f"two files are named {path.name!r}", hint="rename one")
        self.files[inside] = path


def bundle(
    lake: Lake,
    on: On,
    to: Path,
    *,
    files: Iterable[Path] = (),
    references: bool = False,
    title: str = "",
    progress: Progress | None = None,
) -> Lineage:
    """Freeze assets, and all that they were made from and with, in one archive.

    The same content gives the same bytes.

    Parameters
    ----------
    lake : Lake
        From which.
    on : str, Query, Found or Asset
        Which results; what they were made from comes with them.
    to : Path
        The archive, which must not exist.
    files : iterable of Path
        Notebooks, figures and other files of the paper.
    references : bool
        Only name recordings, with the digests of their files, instead of holding them.
    title : str
        Of the paper.
    progress : Progress, optional
        Told of bytes of assets.

    Returns
    -------
    Lineage
        What is in it.

    Raises
    ------
    InputError
        If nothing is found, or the archive exists.
    UnobtainableError
        If what the results were made with is gone from the lake: it names each.
    """
    chosen = [f"{one.name}@{one.version}" for one in entries(lake, on)]
    if not chosen:
        raise InputError("bundling: nothing is found", hint="panneuro find")
    if to.exists():
        raise InputError(f"bundling into {str(to)!r}: it exists", hint="name another file")
    found, progress = lineage(lake, chosen), progress or Silence()
    contents = _Contents(lake, progress)
    _collect(contents, found, references=references)
    for path in files:
        contents.given(path)
    if contents.missing:
        raise UnobtainableError(
            f"bundling {str(on)!r}: no longer obtainable: "
            + "; ".join(f"{what}: {why}" for what, why in contents.missing.items()),
            missing=contents.missing,
            hint="panneuro check",
        )
    _tell(contents, found, title or _UNTITLED, references=references)
    progress.start("bundling", contents.size)
    with _whole(to) as partial, partial.open("wb") as sink:
        pack(sink, contents.files)
    return found


def _collect(contents: _Contents, found: Lineage, *, references: bool) -> None:
    computed = {pair for run in found.runs if run.code for pair in run.outputs.items()}
    for name, version in found.assets:
        contents.asset(name, version, whole=not references or (name, version) in computed)
        for run in contents.lake.runs.using(name, version):
            if run.step == STEP:
                contents.run(run)
    for run in found.runs:
        contents.run(run)


def _tell(contents: _Contents, found: Lineage, title: str, *, references: bool) -> None:
    """Add what says what the bundle is."""
    lake, given = contents.lake, [one for one in contents.files if not one.startswith(FOLDER)]
    settings = f'layout = {LAYOUT}\nid = "{lake.settings.id}"\n'
    contents.files[f"{FOLDER}lake.toml"] = settings.encode()
    told = ""
    if references:
        contents.files[REFERENCES] = canonical_json({"lake": lake.store.url})
        told = (
            f"\nThe recordings lie in the lake at {lake.store.url}; `--from` names another copy.\n"
        )
    readme = _README.format(
        title=title,
        crate=RO_CRATE,
        assets=len(found.assets),
        runs=len(found.runs),
        results="\n".join(f"- {name}@{version}" for name, version in found.roots),
        references=told,
    )
    contents.files["README.md"] = readme.encode()
    crate = ro_crate(lake, found, title=title, files=["README.md", *given], folder=FOLDER)
    contents.files[RO_CRATE] = json.dumps(crate, indent=1, ensure_ascii=False).encode()


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a place beside a path, which becomes the path if all goes well."""
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        partial.rename(path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


def unbundle(
    path: Path, folder: Path, *, source: str | None = None, progress: Progress | None = None
) -> Lake:
    """Unpack a bundle, fetch what it only refers to, and open the lake in it.

    Nothing in it is believed: names, sizes and digests are verified, and nothing is run.

    Parameters
    ----------
    path : Path
        The archive.
    folder : Path
        Where to; empty, or not there.
    source : str, optional
        Place of the lake that holds what it refers to; the one that it names by default.
    progress : Progress, optional
        Told of bytes that are fetched.

    Raises
    ------
    FormatError, LimitError
        If it is no bundle, is damaged, or is out to harm.
    UnobtainableError
        If what it refers to is gone, or is another.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no bundle {str(path)!r}", hint="name a file that is there")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"unpacking into {str(folder)!r}: it is not empty", hint="--into FOLDER")
    with _whole(folder) as partial:
        partial.mkdir()
        _check_parts(path, unpack(path, partial))
        _settle(partial / FOLDER)
        _fetch(partial, source, progress or Silence())
    return open_lake(folder / FOLDER)


def _check_parts(path: Path, names: Sequence[str]) -> None:
    """Refuse what an honest bundle has not: an index, grants, settings that name code."""
    inside = [one.removeprefix(FOLDER) for one in names if one.startswith(FOLDER)]
    strange = [one for one in inside if one != "lake.toml" and not one.startswith(_PARTS)]
    if "lake.toml" not in inside or strange:
        what = f"holds {FOLDER}{strange[0]}" if strange else "holds no lake"
        raise FormatError(
            f"{str(path)!r} is no bundle: it {what}", hint="panneuro bundle makes one"
        )


def _settle(folder: Path) -> None:
    """Write the settings anew: of those that came, only the id counts."""
    try:
        said = tomllib.loads((folder / "lake.toml").read_text(encoding="utf-8"))
        name = str(said["id"])
    except (ValueError, LookupError) as error:
        raise FormatError(f"the lake.toml of a bundle cannot be read: {error}") from error
    if not name.isascii() or not name.replace("-", "").isalnum():
        raise FormatError(f"the lake.toml of a bundle has the id {name[:80]!r}")
    (folder / "lake.toml").write_text(f'layout = {LAYOUT}\nid = "{name}"\n', encoding="utf-8")


def _fetch(folder: Path, source: str | None, progress: Progress) -> None:
    """Fetch the files that the bundle only tells the digests of."""
    lake = folder / FOLDER
    wanted: dict[str, StoredFile] = {}
    for found in sorted(lake.glob(f"assets/*/*/{KEY}")):
        manifest = Manifest.decode(found.read_bytes())
        keys = {manifest.key_of(file): file for file in manifest.files}
        wanted |= {key: file for key, file in keys.items() if not (lake / key).exists()}
    if not wanted:
        return
    store = open_store(source or _named_lake(folder))
    progress.start("fetching", sum(file.size for file in wanted.values()))
    missing = {}
    for key, file in wanted.items():
        try:
            _fetch_one(store, key, file, lake / key, progress)
        except PanneuroError as error:
            missing[key] = error.message
    if missing:
        first = "; ".join(list(missing.values())[:3])
        raise UnobtainableError(
            f"fetching what the bundle refers to from {store.url!r}: {len(missing)} of "
            f"{len(wanted)} files are no longer obtainable: {first}",
            missing=missing,
            hint="--from PLACE names another copy of that lake",
        )


def _named_lake(folder: Path) -> str:
    try:
        said: Any = json.loads((folder / REFERENCES).read_bytes())
        return str(said["lake"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise FormatError(
            "the bundle lacks files of its assets, and names no lake that has them",
            hint="--from PLACE",
        ) from error


def _fetch_one(store: Store, key: str, file: StoredFile, target: Path, progress: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    running = hashlib.sha256()
    with target.open("xb") as sink:
        for block in blocks(store, key, file.size):
            running.update(block)
            sink.write(block)
            progress.advance(len(block))
    if PREFIX + running.hexdigest() != file.digest:
        raise CorruptionError(f"{key!r} is another file than the bundle refers to")


def results(lake: Lake) -> list[str]:
    """Return what steps made, as ``NAME@VERSION``, in the order in which it was made."""
    lake.refresh()
    made = [run for run in lake.runs.find(status="done") if run.code]
    pairs = dict.fromkeys(pair for run in reversed(made) for pair in run.outputs.items())
    return [f"{name}@{version}" for name, version in pairs]
