"""What runs executed, kept in the lake: texts of code, packages, and panneuro's own source."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path

from panneuro.compute.archives import pack
from panneuro.compute.inventory import versions
from panneuro.compute.packages import beneath, everything, loaded
from panneuro.compute.step import Step
from panneuro.core.digests import canonical_json, digest_bytes, digest_json
from panneuro.core.errors import ObjectExistsError, ObjectNotFoundError
from panneuro.core.store import Store

CODE, ENVIRONMENTS = "runs/code", "runs/environments"
"""Where texts and packages of runs lie, by digest."""

_OURS = "panneuro"
_BUILT = (".so", ".dylib", ".dll", ".pyd")


def keep_texts(store: Store, step: Step) -> None:
    """Put a step's code and its lock into the lake, where a repetition finds them."""
    code, locked = step.code, step.environment
    said = {"sources": code.sources, "loads": loaded(code.loads), "files": code.files}
    _put_once(store, code_key(code.digest), lambda: canonical_json(said))
    if locked is not None:
        _put_once(store, lock_key(locked.digest), locked.text.encode)


@cache
def keep_installed(store: Store) -> str:
    """Put into the lake what is installed here, panneuro's own source included.

    Returns
    -------
    str
        The digest that runs note: of the versions of everything, and of that source.
    """
    own, source = {"version": version(_OURS), "source": own_digest()}, own_source()
    _put_once(store, source_key(own["source"]), lambda: _zipped(source))
    digest = digest_json({"panneuro": own, "versions": versions(), "platform": _platform()})
    said = {_OURS: own, "beneath": beneath()}
    _put_once(store, environment_key(digest), lambda: canonical_json({**said, **everything()}))
    return digest


def _platform() -> list[str]:
    return [platform.python_version(), platform.system(), platform.machine()]


@cache
def own_source() -> dict[str, bytes]:
    """Return the files of the panneuro that runs here, by path; what is built of them is not.

    What is installed beside it goes with it, by which its codecs are found.
    """
    folder, installed = Path(__file__).parents[1], distribution(_OURS)
    files = {
        f"{_OURS}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in _BUILT and path.parent.name != "__pycache__"
    }
    beside = f"{_OURS}-{installed.version}.dist-info"
    said = {name: installed.read_text(name) for name in ("METADATA", "entry_points.txt")}
    return files | {f"{beside}/{name}": text.encode() for name, text in said.items() if text}


@cache
def own_digest() -> str:
    """Return the digest of the panneuro that runs here."""
    return digest_json({path: digest_bytes(text) for path, text in own_source().items()})


def own_version(store: Store, installed: str) -> str:
    """Return the version of the panneuro that a run was carried out by; empty if it is gone."""
    try:
        return str(json.loads(store.get(environment_key(installed)))[_OURS]["version"])
    except (ObjectNotFoundError, ValueError, LookupError, TypeError):
        return ""


def _zipped(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    pack(sink, files, compress=True)
    return sink.getvalue()


def code_key(digest: str) -> str:
    """Return where the texts of a step's code lie in the lake."""
    return f"{CODE}/{digest.partition(':')[2]}.json"


def source_key(digest: str) -> str:
    """Return where a panneuro lies in the lake, whole."""
    return f"{CODE}/{digest.partition(':')[2]}.zip"


def environment_key(digest: str) -> str:
    """Return where it is told what was installed."""
    return f"{ENVIRONMENTS}/{digest.partition(':')[2]}.json"


def lock_key(digest: str) -> str:
    """Return where the lock of a step's own environment lies."""
    return f"{ENVIRONMENTS}/{digest.partition(':')[2]}.lock"


def _put_once(store: Store, key: str, said: Callable[[], bytes]) -> None:
    try:
        store.info(key)
    except ObjectNotFoundError:
        with suppress(ObjectExistsError):
            store.put(key, said(), create=True)
