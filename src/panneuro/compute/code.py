"""What counts as the code of a step: what its function reaches, wherever it is written.

Beginning at the function, every name that it uses is followed to where it is defined, in its own
module and in the modules of its own package, of its own folder and of panneuro. Only what is
reached counts, and neither comments, docstrings nor layout do: a change re-runs the steps that it
can affect, and no others. What is reached of other packages counts by their versions, see
`panneuro.compute.packages`.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from panneuro.compute.syntax import (
    IMPORT,
    WHOLE,
    Definition,
    assigned_by,
    bare,
    flat,
    imports_of,
    is_docstring,
    names_in,
)
from panneuro.core.digests import digest_json
from panneuro.core.errors import InputError

_OURS = "panneuro"
_MACHINERY = ("panneuro.compute", "panneuro.lake", "panneuro.storage", "panneuro.catalog")
"""What brings signals to a step and keeps what it gives, and has no say in what that is."""

TEXT = "__text__"
"""In a module that was loaded from a file, what the file said."""


@dataclass(frozen=True)
class Code:
    """What a step executes.

    Parameters
    ----------
    digest : str
        Of everything that is reached.
    sources : dict of str to str
        Text of each module that something is reached of, by its name, and of those that these
        import: without them, they cannot be imported again.
    imports : frozenset of str
        Top-level names of the other packages that are reached.
    loads : frozenset of str
        Top-level names of the other packages that importing `sources` takes, reached or not.
    files : dict of str to str
        Text of each file that is executed otherwise, by its path beside the modules.
    """

    digest: str
    sources: dict[str, str]
    imports: frozenset[str]
    loads: frozenset[str] = frozenset()
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Module:
    """A module, parsed.

    Parameters
    ----------
    text : str
        As written.
    package : str
        That it is in.
    defined : dict
        By name, the statements that define it.
    imported : dict
        By name, the module and the name in it that it stands for; `WHOLE` for a module itself.
    always : tuple
        Statements that are executed whatever is asked of it.
    """

    text: str
    package: str
    defined: dict[str, list[ast.stmt]]
    imported: dict[str, tuple[str, str]]
    always: tuple[ast.stmt, ...]


@dataclass
class _Slice:
    """What has been reached so far."""

    home: str
    folder: Path | None
    parts: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    todo: list[tuple[str, str]] = field(default_factory=list)

    def follow(self) -> None:
        while self.todo:
            module, name = self.todo.pop()
            if (module, name) not in self.parts:
                self._reach(module, name)

    def _reach(self, module: str, name: str) -> None:
        found = self._module(module)
        if found is None:
            self.imports.add(module.partition(".")[0])
            return
        self.sources[module] = found.text
        if name == WHOLE:
            self.parts[module, name] = []
            self.todo += [(module, other) for other in (*found.defined, *found.imported)]
        elif name in found.defined:
            self._take(module, name, found, found.defined[name])
        elif name in found.imported:
            self.parts[module, name] = []
            self.todo.append(self._target(*found.imported[name]))
        elif self._module(f"{module}.{name}"):
            self.todo.append((f"{module}.{name}", WHOLE))
        if (module, "*always*") not in self.parts:
            self._take(module, "*always*", found, list(found.always))

    def complete(self) -> frozenset[str]:
        """Add the texts that importing what is reached takes; return what else it imports."""
        loads: set[str] = set()
        seen: set[str] = set()
        todo = [module for module in self.sources if ":" not in module]
        while todo:
            module = todo.pop()
            if module in seen or module.partition(".")[0] == _OURS:
                continue
            seen.add(module)
            found = self._module(module)
            if found is None:
                loads.add(module.partition(".")[0])
                continue
            self.sources.setdefault(module, found.text)
            todo += filter(None, [module.rpartition(".")[0]])
            for target, name in found.imported.values():
                inner = f"{target}.{name}"
                todo.append(inner if name and self._module(inner) else target)
        return frozenset(loads - set(sys.stdlib_module_names))

    def _take(self, module: str, name: str, found: _Module, statements: list[ast.stmt]) -> None:
        self.parts[module, name] = [ast.dump(statement) for statement in statements]
        for statement in statements:
            for reached in names_in(statement, found.package):
                head, *rest = reached
                if head in found.imported:
                    self.todo.append(self._target(*found.imported[head], rest[:1]))
                elif head in found.defined:
                    self.todo.append((module, head))
                elif head == IMPORT:
                    self.todo.append(self._target(rest[0], rest[1]))

    def _target(self, module: str, name: str, rest: list[str] | None = None) -> tuple[str, str]:
        """Return what an imported name stands for, as narrowly as can be."""
        if name == WHOLE:
            return module, (rest or [WHOLE])[0]
        if rest and self._module(f"{module}.{name}"):
            return f"{module}.{name}", rest[0]
        return module, name

    def _module(self, name: str) -> _Module | None:
        """Return a module whose text counts, None for other packages."""
        path = _path_of(name)
        if path is None or path.suffix != ".py" or name.startswith(_MACHINERY):
            return None
        top = name.partition(".")[0]
        if top in (_OURS, self.home) or (self.folder and path.parent == self.folder):
            return _parsed(path, path.stat().st_mtime_ns, name)
        return None


def code_of(function: Callable[..., Any]) -> Code:
    """Return what a function reaches.

    Raises
    ------
    InputError
        If its source cannot be found.

    Examples
    --------
    >>> from panneuro.analysis.tuning import tuning_curves
    >>> code = code_of(tuning_curves)
    >>> "panneuro.analysis.tuning" in code.sources, "numpy" in code.imports
    (True, True)
    """
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if file is None or "<locals>" in function.__qualname__:
        return _code_of_text(function)
    slice_ = _Slice(function.__module__.partition(".")[0], _plain_folder(function.__module__, file))
    slice_.todo.append((function.__module__, function.__qualname__.partition(".")[0]))
    slice_.follow()
    return _finished(slice_)


def home_of(module: str) -> tuple[Path | None, dict[str, str], frozenset[str]]:
    """Return where a module is imported from, and what importing it takes.

    Parameters
    ----------
    module : str
        That is imported.

    Returns
    -------
    root : Path or None
        The folder that its name starts from; None for what is in no file.
    sources : dict of str to str
        Texts of it and of those of its own package or folder that it imports.
    loads : frozenset of str
        Top-level names of the other packages that it imports.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or module == "__main__":
        return None, {}, frozenset()
    path, plain = Path(file), _plain_folder(module, file)
    slice_ = _Slice(module.partition(".")[0], plain, sources={module: path.read_text()})
    depth = 0 if plain else module.count(".") + (path.name == "__init__.py")
    return path.parents[depth], slice_.sources, slice_.complete()


def _plain_folder(module: str, file: str) -> Path | None:
    """Return the folder of a module that is in no package: files beside it are code too."""
    return None if "." in module else Path(file).parent


def _code_of_text(function: Callable[..., Any]) -> Code:
    """Return what a function written in a notebook, a script or another function reaches."""
    slice_ = _Slice("", None)
    seen: set[str] = set()

    def take(one: Callable[..., Any]) -> None:
        name = f"{one.__module__}:{one.__qualname__}"
        if name in seen:
            return
        seen.add(name)
        text = _source(one)
        tree = bare(text)
        slice_.sources[name] = text
        slice_.parts[name, ""] = [ast.dump(statement) for statement in tree.body]
        outside = {**one.__globals__, **inspect.getclosurevars(one).nonlocals}
        for head, *rest in (found for statement in tree.body for found in names_in(statement)):
            found = outside.get(head)
            if inspect.ismodule(found):
                slice_.todo.append((found.__name__, (rest or [WHOLE])[0]))
            elif (inspect.isfunction(found) or inspect.isclass(found)) and found is not one:
                if inspect.isfunction(found) and found.__module__ == one.__module__:
                    take(found)
                else:
                    slice_.todo.append((found.__module__, found.__qualname__.partition(".")[0]))
            elif isinstance(found, (str, int, float, bool, tuple)):
                slice_.parts[name, head] = [repr(found)]

    take(function)
    slice_.follow()
    return _finished(slice_)


def _source(function: Callable[..., Any]) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError, IndentationError) as error:
        raise InputError(
            f"the source of {function.__qualname__!r} cannot be found: {error}",
            hint="write the step in a file, and name it path/to/file.py:function",
        ) from error


def _finished(slice_: _Slice) -> Code:
    said = sorted(
        [_stem(module), name, parts] for (module, name), parts in slice_.parts.items() if parts
    )
    imports = frozenset(slice_.imports - set(sys.stdlib_module_names))
    loads = slice_.complete()
    return Code(digest_json(said), dict(sorted(slice_.sources.items())), imports, loads)


def _stem(module: str) -> str:
    """Return the name of a module, the same whether its file was run, imported or loaded."""
    if module == "__main__":
        return Path(sys.modules[module].__file__ or module).stem
    return module.partition("@")[0]


def _path_of(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    file = getattr(loaded, "__file__", None)
    if file is None and loaded is None:
        spec = _spec(name)
        file = spec.origin if spec and spec.has_location else None
    return Path(file) if file else None


@lru_cache(maxsize=4096)
def _spec(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


@lru_cache(maxsize=1024)
def _parsed(path: Path, _: int, name: str) -> _Module:
    # A file may have changed since it was loaded.
    text = getattr(sys.modules.get(name), TEXT, None) or path.read_text()
    defined: dict[str, list[ast.stmt]] = {}
    imported: dict[str, tuple[str, str]] = {}
    always: list[ast.stmt] = []
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for statement in flat(bare(text).body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imported.update(imports_of(statement, package))
        elif isinstance(statement, Definition):
            defined.setdefault(statement.name, []).append(statement)
        elif names := list(assigned_by(statement)):
            for target in names:
                defined.setdefault(target, []).append(statement)
        elif not is_docstring(statement):
            always.append(statement)
    return _Module(text, package, defined, imported, tuple(always))
