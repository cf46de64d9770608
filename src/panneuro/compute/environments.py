"""Environments: packages with their versions and hashes, built apart from everything else."""

from __future__ import annotations

import fcntl
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from packaging.requirements import InvalidRequirement, Requirement

from panneuro.compute.inventory import normalised
from panneuro.core.digests import digest_json
from panneuro.core.errors import InputError, MissingExtraError, NotFoundError, UnobtainableError
from panneuro.core.places import user_cache

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python that runs panneuro."""

_PYTHON = re.compile(r"^#.*?(?:--python-version[ =]|\bpython[ =])\s*(\d+\.\d+)", re.MULTILINE)
_HASH = re.compile(r"\s+--hash[= ](sha(?:256|384|512):[0-9a-f]+)\b")
_VERSION = re.compile(r"\d+\.\d+")
_AT_ONCE = 8
_SHOWN = 12


@dataclass(frozen=True)
class Pin:
    """One package of an environment.

    Parameters
    ----------
    requirement : str
        ``name==version``, or ``name @ URL``, with a marker where it is not for every platform.
    hashes : tuple of str
        Any one of which its file has; nothing is known of it where empty.
    """

    requirement: str
    hashes: tuple[str, ...] = ()

    @property
    def parsed(self) -> Requirement:
        """The requirement, taken apart."""
        return Requirement(self.requirement)

    @property
    def line(self) -> str:
        """As a requirements file has it."""
        return " ".join([self.requirement, *(f"--hash={one}" for one in self.hashes)])


@dataclass(frozen=True)
class Environment:
    """Packages that a step runs with, locked.

    Parameters
    ----------
    pins : tuple of Pin
        Everything that is installed, what others require included.
    python : str
        ``3.12``.

    Examples
    --------
    >>> env = Environment.parse('''# python 3.12
    ... six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
    ... ''')
    >>> env.packages
    {'python': '3.12', 'six': '1.17.0'}
    >>> env.digest[:14]
    'sha256:81e7494'
    """

    pins: tuple[Pin, ...]
    python: str = HERE

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.python):
            raise InputError(f"{self.python!r} is no version of Python", hint="python 3.12")

    @classmethod
    def parse(cls, text: str, python: str = "") -> Self:
        """Read a requirements file in which every line is pinned.

        Its Python is told by a comment (``# python 3.12``, or the ``--python-version`` that uv
        notes at the top); else it is the one that runs panneuro.

        Raises
        ------
        InputError
            If a line is no requirement, or leaves the version open.
        """
        said = _PYTHON.search(text)
        joined = re.sub(r"\\\r?\n", " ", text)
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
        pins = sorted({_pin(line) for line in lines if line}, key=lambda pin: pin.line)
        return cls(tuple(pins), python or (said[1] if said else HERE))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a lock file; see `parse`.

        Raises
        ------
        NotFoundError
            If there is no such file.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise NotFoundError(
                f"the lock {str(path)!r} cannot be read: {error}",
                hint="uv pip compile --generate-hashes requirements.in -o requirements.lock",
            ) from error

    @classmethod
    def of(cls, said: str | Path | Environment, beside: Path = Path()) -> Environment:
        """Return what is meant by a lock file, its text, or an environment.

        Parameters
        ----------
        said : str, Path or Environment
            A text of one line that pins nothing is the path of a file.
        beside : Path
            The folder from which such a path starts.
        """
        if isinstance(said, Environment):
            return said
        if isinstance(said, str) and ("\n" in said or "==" in said):
            return cls.parse(said)
        return cls.read(beside / said)

    @property
    def text(self) -> str:
        """A requirements file that says the same."""
        return "\n".join([f"# python {self.python}", *(pin.line for pin in self.pins), ""])

    @cached_property
    def digest(self) -> str:
        """Of what is installed; comments, order and layout of the file do not count."""
        return digest_json({"python": self.python, "pins": [pin.line for pin in self.pins]})

    @property
    def packages(self) -> dict[str, str]:
        """Versions by normalised name, with ``python``; only what is meant for this platform."""
        wanted = [pin.parsed for pin in self.pins]
        here = {"python_version": self.python, "python_full_version": f"{self.python}.0"}
        versions = {
            normalised(one.name): _version(one)
            for one in wanted
            if one.marker is None or one.marker.evaluate(here)
        }
        return {"python": self.python, **dict(sorted(versions.items()))}


def _pin(line: str) -> Pin:
    bare = _HASH.sub("", line)
    try:
        wanted = Requirement(bare)
    except InvalidRequirement as error:
        raise InputError(
            f"a lock has the line {line[:120]!r}, which is no requirement", hint="name==version"
        ) from error
    if not wanted.url and not _version(wanted):
        raise InputError(
            f"a lock leaves the version of {wanted.name!r} open: {bare!r}",
            hint="uv pip compile --generate-hashes requirements.in -o requirements.lock",
        )
    return Pin(str(wanted), tuple(sorted(_HASH.findall(line))))


def _version(wanted: Requirement) -> str:
    pinned = [one.version for one in wanted.specifier if one.operator in ("==", "===")]
    return wanted.url or (pinned[0] if pinned and "*" not in pinned[0] else "")


def build(environment: Environment) -> Path:
    """Install an environment, unless it is there already.

    It lies in the user's cache under its digest. It is built beside its place and moved there
    whole, so one that is killed leaves nothing that looks like an environment; of several who
    build the same, one does and the others wait. What uv has in its cache needs no network.

    Parameters
    ----------
    environment : Environment
        Which.

    Returns
    -------
    Path
        The interpreter.

    Raises
    ------
    UnobtainableError
        If packages, or the Python, cannot be had any more: it names each.
    """
    folder = user_cache() / "environments" / environment.digest.partition(":")[2][:24]
    python = folder / "bin" / "python"
    if python.exists():
        return python
    with _alone(folder):
        if not python.exists():
            partial = folder.with_name(f"{folder.name}.partial")
            for left in (partial, folder):
                shutil.rmtree(left, ignore_errors=True)
            try:
                _installer().install(environment, partial)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return python


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock that ends with the process that holds it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _installer() -> _Uv | _Pip:
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None and importlib.util.find_spec("uv") is not None:
        from uv import find_uv_bin

        found = find_uv_bin()
    if found is None and importlib.util.find_spec("pip") is None:
        raise MissingExtraError("provenance", "Building an environment")
    return _Uv(found) if found else _Pip()


@dataclass(frozen=True)
class _Uv:
    binary: str

    def install(self, environment: Environment, folder: Path) -> None:
        # The interpreter itself is found sooner than by its version.
        version = environment.python
        wanted = getattr(sys, "_base_executable", sys.executable) if version == HERE else version
        made = _ran(
            [self.binary, "venv", "--no-project", "--relocatable", "--python", wanted, str(folder)]
        )
        if made.returncode:
            raise _no_python(version, made.stderr)
        with _requirements(environment.pins) as file:
            command = [*self._install(folder), "-r", str(file)]
            # What is in the cache is not asked for again: it is the same by its hash or version.
            if _ran([*command, "--offline"]).returncode:
                done = _ran(command)
                if done.returncode:
                    raise _unobtainable(environment, self._missing(environment, folder), done)

    def _install(self, folder: Path) -> list[str]:
        python = str(folder / "bin" / "python")
        return [self.binary, "pip", "install", "--no-deps", "--python", python]

    def _missing(self, environment: Environment, folder: Path) -> list[tuple[Pin, str]]:
        def tried(pin: Pin) -> str:
            with _requirements([pin]) as file:
                done = _ran([*self._install(folder), "--dry-run", "-r", str(file)])
            return done.stderr if done.returncode else ""

        return _failing(environment.pins, tried)


@dataclass(frozen=True)
class _Pip:
    def install(self, environment: Environment, folder: Path) -> None:
        version = environment.python
        wanted = sys.executable if version == HERE else shutil.which(f"python{version}")
        made = _ran([wanted, "-m", "venv", "--without-pip", str(folder)]) if wanted else None
        if made is None or made.returncode:
            raise _no_python(version, made.stderr if made else "")
        # pip verifies the hashes of all or of none.
        hashed = [pin for pin in environment.pins if pin.hashes]
        plain = [pin for pin in environment.pins if not pin.hashes]
        for pins, more in ((hashed, ["--require-hashes"]), (plain, [])):
            with _requirements(pins) as file:
                command = [*self._install(folder, "install"), *more, "-r", str(file)]
                done = _ran(command) if pins else None
            if done is not None and done.returncode:
                raise _unobtainable(environment, self._missing(pins, folder), done)

    def _install(self, folder: Path, verb: str) -> list[str]:
        there = str(folder / "bin" / "python")
        return [sys.executable, "-m", "pip", "--python", there, verb, "--no-deps"]

    def _missing(self, pins: Sequence[Pin], folder: Path) -> list[tuple[Pin, str]]:
        def tried(pin: Pin) -> str:
            with _requirements([pin]) as file, TemporaryDirectory() as sink:
                done = _ran([*self._install(folder, "download"), "-d", sink, "-r", str(file)])
            return done.stderr if done.returncode else ""

        return _failing(pins, tried)


def _failing(pins: Sequence[Pin], tried: Callable[[Pin], str]) -> list[tuple[Pin, str]]:
    with ThreadPoolExecutor(_AT_ONCE, "panneuro-packages") as threads:
        said = list(threads.map(tried, pins))
    return [(pin, why) for pin, why in zip(pins, said, strict=True) if why]


@contextmanager
def _requirements(pins: Iterable[Pin]) -> Iterator[Path]:
    with TemporaryDirectory(prefix="panneuro-") as folder:
        file = Path(folder, "requirements.txt")
        file.write_text("".join(f"{pin.line}\n" for pin in pins), encoding="utf-8")
        yield file


def _ran(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _no_python(version: str, said: str) -> UnobtainableError:
    why = _reason(said)
    return UnobtainableError(
        f"building an environment: Python {version} cannot be had here{why and ': ' + why}",
        missing={f"python {version}": why},
        hint=f"install Python {version}, or uv:  pip install 'panneuro[provenance]'",
    )


def _unobtainable(
    environment: Environment,
    missing: Sequence[tuple[Pin, str]],
    done: subprocess.CompletedProcess[str],
) -> UnobtainableError:
    """Name what is missing: what is refused by itself, else what the installer names."""
    named = {pin.requirement: _reason(why) for pin, why in missing}
    if not named:
        told = [pin for pin in environment.pins if pin.requirement in done.stderr]
        named = {pin.requirement: _reason(done.stderr) for pin in told}
    shown = "; ".join(f"{what} ({why})" for what, why in list(named.items())[:_SHOWN])
    more = len(named) - _SHOWN
    return UnobtainableError(
        f"building an environment of {len(environment.pins)} packages: no longer obtainable: "
        f"{shown or _reason(done.stderr)}{f'; and {more} more' if more > 0 else ''}",
        missing=named,
        hint="is the network there? an index that has them is named by UV_INDEX or pip's settings",
    )


def _reason(said: str) -> str:
    """Return the core of what an installer said."""
    if re.search(r"hash(es)? (mismatch|do not match)|do not match the hashes", said, re.IGNORECASE):
        return "its file is another one than the hash says"
    if re.search(r"dns error|error sending request|NewConnectionError|connectivity", said):
        return "the registry cannot be reached"
    if re.search(r"no version of|No matching distribution|not found in the package", said):
        return "the registry does not have it"
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    told = [line for line in lines if line.lower().startswith(("error", "cause"))] or lines[-1:]
    return "; ".join(told)[:300]
