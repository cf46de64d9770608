"""``panneuro doctor``: does everything here work, and what would make it?"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from panneuro.cli.answers import Answers
from panneuro.cli.options import answering, lake_option
from panneuro.cli.texts import in_bytes, table
from panneuro.core import plugins
from panneuro.core.cores import cores_here
from panneuro.core.errors import PanneuroError
from panneuro.core.manifest import KEY
from panneuro.core.query import Query
from panneuro.lake.lake import ASSETS, Lake, open_lake
from panneuro.storage.stores import probe

_LIBRARIES = ("zarr", "numcodecs", "pcodec", "numpy", "pyarrow", "pynwb", "neo", "h5py", "obstore")
_EXTRAS = {
    "abf": "pyabf",
    "analysis": "numba",
    "dask": "distributed",
    "deep": "jax",
    "imaging": "tifffile",
    "mat": "pymatreader",
    "notebooks": "papermill",
    "plot": "matplotlib",
    "portal": "starlette",
    "provenance": "rocrate",
    "pynapple": "pynapple",
    "rich": "rich",
    "slurm": "dask_jobqueue",
    "video": "av",
}
_LITTLE_ROOM = 10_000_000_000


@dataclass(frozen=True)
class Sign:
    """One thing that was looked at.

    Parameters
    ----------
    what : str
        What.
    state : {"ok", "note", "bad"}
        Whether it works; a note is no illness.
    found : str
        What was found.
    fix : str
        What to type where it does not work.
    """

    what: str
    state: str
    found: str
    fix: str = ""


@click.command(short_help="Say whether everything here works.")
@lake_option
@answering(items=True)
def command(answers: Answers, lake: str | None) -> None:
    """Say whether everything here works: versions, extras, the lake, its index, room on disk.

    The lake is written to, once, to see that it refuses to overwrite what is committed: the probe
    is deleted at once.
    """
    signs = [*_software(), *_extras(), *_lake(lake)]
    rows = [[sign.what, sign.state, sign.found, sign.fix] for sign in signs]
    text = table(("what", "state", "found", "fix"), rows)
    answers.give_all("signs", map(asdict, signs), text)
    bad = [sign for sign in signs if sign.state == "bad"]
    if bad:
        answers.say("\n".join(f"{sign.what}: {sign.fix}" for sign in bad if sign.fix))
        raise click.exceptions.Exit(1)


def _software() -> Iterator[Sign]:
    yield Sign("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield Sign("package", "ok", str(Path(__file__).parents[1]))
    yield Sign("system", "ok", platform.platform())
    yield Sign("cores", "ok", str(cores_here()))
    for name in ("panneuro", *_LIBRARIES):
        try:
            yield Sign(name, "ok", version(name))
        except PackageNotFoundError:
            yield Sign(name, "bad", "not installed", "pip install --upgrade panneuro")
    yield Sign("formats", "ok", ", ".join(plugins.names("panneuro.formats")))


def _extras() -> Iterator[Sign]:
    for extra, module in _EXTRAS.items():
        if find_spec(module):
            yield Sign(f"[{extra}]", "ok", "installed")
        else:
            yield Sign(f"[{extra}]", "note", "not installed", f'pip install "panneuro[{extra}]"')


def _lake(place: str | None) -> Iterator[Sign]:
    if not place:
        yield Sign("lake", "note", "none is named", "--lake PLACE, or set PANNEURO_LAKE")
        return
    found: list[Lake] = []
    yield _sign("lake", partial(_reach, place, found))
    for lake in found:
        yield _create_only(lake)
        yield _index(lake)
        yield from _room(lake)


def _sign(what: str, look: Callable[[], str]) -> Sign:
    """Look at something, and make what goes wrong a sign of it."""
    try:
        return Sign(what, "ok", look())
    except (PanneuroError, OSError) as error:
        hint = error.hint if isinstance(error, PanneuroError) else ""
        return Sign(what, "bad", str(getattr(error, "message", error)), hint)


def _reach(place: str, found: list[Lake]) -> str:
    lake = open_lake(place)
    found.append(lake)
    return f"{lake.store.url} (id {lake.settings.id})"


def _create_only(lake: Lake) -> Sign:
    if lake.store.url.startswith(("http://", "https://")):
        return Sign("create-only", "note", "the lake is read over HTTP and not written")
    return _sign("create-only", partial(_probe, lake))


def _probe(lake: Lake) -> str:
    probe(lake.store)
    return "committed versions cannot be overwritten"


def _index(lake: Lake) -> Sign:
    """Compare how many versions the store and the index hold."""
    try:
        stored = sum(found.key.endswith(f"/{KEY}") for found in lake.store.list(ASSETS))
        indexed = lake.catalog.count(Query(), versions=True)
    except (PanneuroError, OSError) as error:
        return Sign("index", "bad", str(getattr(error, "message", error)), "panneuro reindex")
    if stored == indexed:
        return Sign("index", "ok", f"{indexed:,} versions, as in the store")
    found = f"{indexed:,} versions, but {stored:,} in the store"
    return Sign("index", "bad", found, "panneuro reindex")


def _room(lake: Lake) -> Iterator[Sign]:
    """Look at the disk, where the lake is on one."""
    if lake.store.url.startswith("file://"):
        path = Path(unquote(urlsplit(lake.store.url).path))
        free = shutil.disk_usage(path).free
        state = "ok" if free > _LITTLE_ROOM else "note"
        yield Sign("disk", state, f"{in_bytes(free)} free at {path}")
