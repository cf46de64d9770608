"""What repeating a run takes: its inputs, code, packages and panneuro, and what is gone of them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from panneuro.compute import inventory
from panneuro.compute.archives import unpack
from panneuro.compute.environments import Environment, Pin, build
from panneuro.compute.packages import LOCKED, PYTHON, everything
from panneuro.compute.texts import code_key, environment_key, lock_key, source_key
from panneuro.core.digests import digest_file, digest_json
from panneuro.core.errors import CorruptionError, ObjectNotFoundError, PanneuroError
from panneuro.core.manifest import KEY, Manifest, prefix_of
from panneuro.core.run import Run
from panneuro.core.store import Store, is_key

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

_OURS = "panneuro"
_NO_CODE: dict[str, Any] = {"sources": {}, "loads": [], "files": {}}


@dataclass
class Recipe:
    """All that a run was made with, as far as it is to be had.

    Parameters
    ----------
    lake : Lake
        That holds it.
    run : Run
        Which.
    missing : dict of str to str
        What is not to be had, and why; found as things are looked for.
    notes : list of str
        What is not as it was, found as things are laid out.
    """

    lake: Lake
    run: Run
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def _tried[T](self, what: str, act: Callable[[], T], otherwise: T) -> T:
        try:
            return act()
        except ObjectNotFoundError as error:
            self.missing[what] = f"the lake has no {error.message.split()[-1]}"
        except (PanneuroError, ValueError, LookupError, TypeError, AttributeError) as error:
            self.missing[what] = str(getattr(error, "message", error))
        return otherwise

    @cached_property
    def code(self) -> dict[str, Any]:
        """Texts of the modules that the step reaches, and the packages that they import."""
        if not self.run.code:
            self.missing["code"] = f"{self.run.step!r} is no step whose code is kept"
            return _NO_CODE
        return self._tried("code", self._code, _NO_CODE)

    def _code(self) -> dict[str, Any]:
        said = json.loads(self.lake.store.get(code_key(self.run.code)))
        sources, loads, files = said["sources"], said["loads"], said.get("files", {})
        if not all(isinstance(text, str) and is_key(_path(name)) for name, text in sources.items()):
            raise ValueError("its texts are none")
        if not all(isinstance(text, str) and is_key(path) for path, text in files.items()):
            raise ValueError("its files are none")
        return {
            "sources": dict(sources),
            "loads": [str(one) for one in loads],
            "files": dict(files),
        }

    @cached_property
    def installed(self) -> dict[str, Any]:
        """What was installed where it ran; empty if that is not known."""
        if not self.run.installed:
            self.missing["environment"] = "the run does not tell what was installed"
            return {}
        return self._tried("environment", self._installed, {})

    def _installed(self) -> dict[str, Any]:
        said = dict(json.loads(self.lake.store.get(environment_key(self.run.installed))))
        versions = {name: one["version"] for name, one in said["packages"].items()}
        plain = (*versions.values(), *said["beneath"], said[_OURS]["source"], said["python"])
        if not all(isinstance(one, str) for one in plain):
            raise ValueError("its versions are none")
        return said

    @cached_property
    def lock(self) -> str | None:
        """The text of the step's own environment, None if it has none."""
        if LOCKED not in self.run.packages:
            return None
        return self._tried("lock", self._lock, None)

    def _lock(self) -> str | None:
        digest = self.run.packages[LOCKED]
        text = self.lake.store.get(lock_key(digest)).decode()
        if Environment.parse(text).digest != digest:
            raise CorruptionError("the lock of the step's environment is not what its digest says")
        return text

    @cached_property
    def environment(self) -> Environment | None:
        """The packages that the step reached and panneuro needed, pinned."""
        if not self.installed:
            return None
        return self._tried("environment", self._environment, None)

    def _environment(self) -> Environment:
        names = {*self.installed["beneath"], *self.run.packages, *self.code["loads"]}
        pins = []
        for name in sorted(names - {PYTHON, LOCKED}):
            said = self.installed["packages"].get(name)
            if said is None and not _is_locked(name, self.run.packages):
                self.missing[f"package {name}"] = "it came with no package"
            elif said is not None and (pin := self._pin(name, said)):
                pins.append(pin)
        minor = ".".join(self.installed["python"].split(".")[:2])
        return Environment.parse("".join(f"{pin.line}\n" for pin in pins), minor)

    def _pin(self, name: str, said: Mapping[str, Any]) -> Pin | None:
        origin = said.get("origin")
        if not origin:
            return Pin(f"{name}=={said['version']}")
        url, hashes = str(origin["url"]), origin.get("archive_info", {}).get("hashes", {})
        if "vcs_info" in origin:
            vcs = origin["vcs_info"]
            return Pin(f"{name} @ {vcs['vcs']}+{url}@{vcs['commit_id']}")
        if "archive_info" in origin and not url.startswith("file:"):
            found = tuple(f"{kind}:{value}" for kind, value in hashes.items() if kind == "sha256")
            return Pin(f"{name} @ {url}", found)
        self.missing[f"package {name} {said['version']}"] = (
            f"it was installed from {url}, which only that machine had"
        )
        return None

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """Of the inputs."""
        wanted = {pair for slot in self.run.inputs.values() for pair in slot.items()}
        found = []
        for name, version in sorted(wanted):
            what = f"input {name}@{version}"
            key = f"{prefix_of(name, version)}/{KEY}"
            data = self._tried(what, lambda key=key: self.lake.store.get(key), b"")  # type: ignore[misc]
            if data:
                read = self._tried(what, lambda data=data: Manifest.decode(data), None)  # type: ignore[misc]
                found += [read] if read else []
        return tuple(found)

    @property
    def keys(self) -> frozenset[str]:
        """Keys of all objects of the inputs: nothing else of the lake may be read."""
        objects = {one.key_of(file) for one in self.manifests for file in one.files}
        return frozenset(objects | {f"{one.prefix}/{KEY}" for one in self.manifests})

    def look(self, *, quick: bool = False) -> None:
        """Look for everything; what is not there is in `missing` afterwards.

        Parameters
        ----------
        quick : bool
            Whether to compare only sizes of the inputs' objects, not their digests.
        """
        for one in self.manifests:
            report = self.lake.check(f"{one.name}@{one.version}", quick=quick)
            told = [problem.message for problem in report.problems if problem.kind in _GONE]
            if told:
                self.missing[f"input {one.name}@{one.version}"] = "; ".join(told[:3])
        if any(":" in module for module in self.code["sources"]):
            self.missing["code"] = (
                f"{self.run.step!r} was written in a notebook or in another function, of which "
                "only its own text is kept"
            )
        source = self.installed.get(_OURS, {}).get("source", "")
        if source:
            key = source_key(source)
            self._tried(f"panneuro {source[:19]}", lambda: self.lake.store.info(key), None)
        _ = self.environment, self.lock

    def differs_here(self) -> list[str]:
        """Return in words what is installed here in another version than where it ran."""
        wanted = self.environment.packages if self.environment else {}
        here = {name: said["version"] for name, said in everything()["packages"].items()}
        here[PYTHON] = ".".join(sys.version.split(".")[:2])
        return [
            f"{name} {version} → {here.get(name, 'none')}"
            for name, version in wanted.items()
            if here.get(name) != version
        ]

    def lay_out(self, folder: Path) -> str:
        """Put the code and the panneuro of the run into a folder; return the step's reference.

        Raises
        ------
        CorruptionError
            If what is kept is not what its digest says.
        """
        digest = self.installed[_OURS]["source"]
        if not _lay_out_own(self.lake.store, digest, folder / "source"):
            self.notes.append(_OTHER_KERNELS)
        code = folder / "code"
        code.mkdir()
        texts = {_stem(m): text for m, text in self.code["sources"].items() if not _is_ours(m)}
        for module, text in texts.items():
            is_package = any(other.startswith(f"{module}.") for other in texts)
            path = code / _path(module)
            path = path / "__init__.py" if is_package else path.with_name(f"{path.name}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for inside, text in self.code["files"].items():
            path = code / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        place, _, name = self.run.reference.rpartition(":")
        return f"{code / Path(place).name}:{name}" if place.endswith(".py") else f"{place}:{name}"

    def python(self, *, here: bool) -> tuple[Path, tuple[str, ...]]:
        """Return an interpreter with the recorded packages, and what is noteworthy of it.

        Raises
        ------
        UnobtainableError
            If packages cannot be had any more.
        """
        if here or self.environment is None:
            return Path(sys.executable), ()
        python = build(self.environment)
        done = subprocess.run(
            [python, "-I", inventory.__file__], capture_output=True, text=True, check=True
        )
        return python, tuple(_notes(self.installed, json.loads(done.stdout)))


_OTHER_KERNELS = (
    "panneuro's compiled kernels: those of the run are not built here, since their source has "
    "changed; without them signals may be coded in other bytes"
)
_GONE = ("missing", "corrupt", "unreadable", "expired")


def _is_locked(name: str, packages: Mapping[str, str]) -> bool:
    return LOCKED in packages or name.endswith(LOCKED)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == _OURS


def _path(module: str) -> str:
    return _stem(module).replace(".", "/") if ":" not in module else "text"


def _stem(module: str) -> str:
    return module.partition("@")[0]


def _lay_out_own(store: Store, digest: str, folder: Path) -> bool:
    """Unpack a panneuro, with the compiled kernels of the present one where they are its own.

    Returns
    -------
    bool
        Whether they are.
    """
    folder.mkdir(parents=True)
    unpack(io.BytesIO(store.get(source_key(digest))), folder)
    if digest_of(folder) != digest:
        raise CorruptionError(
            f"the panneuro kept as {digest[:19]} is not what its digest says",
            hint="restore runs/code from a copy of the lake",
        )
    here, there = Path(__file__).parents[1] / "codecs", folder / _OURS / "codecs"
    same = all(
        (there / path.name).exists() and (there / path.name).read_bytes() == path.read_bytes()
        for path in here.glob("*.[ch]")
    )
    for built in here.glob("kernels.*") if same else ():
        if built.suffix != ".c":
            shutil.copy(built, there / built.name)
    return same


def digest_of(folder: Path) -> str:
    """Return the digest of a panneuro laid out in a folder; see `panneuro.compute.texts`."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return digest_json({path.relative_to(folder).as_posix(): digest_file(path) for path in files})


def _notes(recorded: Mapping[str, Any], built: Mapping[str, Any]) -> list[str]:
    """Return in words how what was built differs from what was recorded."""
    told = [
        f"{what}: {recorded[what]} then, {built[what]} now"
        for what in ("python", "implementation", "system", "machine")
        if recorded[what] != built[what]
    ]
    if recorded["system"] != built["system"] or recorded["machine"] != built["machine"]:
        return told
    return told + [
        f"{name} {said['version']}: other files than those recorded"
        for name, said in built["packages"].items()
        if said["digest"] != recorded["packages"].get(name, said)["digest"]
    ]
