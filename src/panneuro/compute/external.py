"""Steps that are no functions: programs, and notebooks."""

from __future__ import annotations

import ast
import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from panneuro.compute.code import Code, home_of
from panneuro.compute.exchange import hand_over, take_back
from panneuro.compute.step import CONTEXT, Resources, Step, declared
from panneuro.core.digests import digest_file, digest_json
from panneuro.core.errors import InputError, NotFoundError, PanneuroError
from panneuro.core.extras import need
from panneuro.core.store import is_key

IN, OUT = "in", "out"
_TOLD = 2000
_TO_EXECUTE = frozenset({"papermill", "ipykernel", "nbformat"})


class _External:
    """What a `Step` sees as its function: its parameters, its code, and how it is called."""

    def __init__(
        self, name: str, module: str, takes: Mapping[str, str], parameters: Mapping[str, Any]
    ) -> None:
        self.__name__ = self.__qualname__ = name.replace("-", "_")
        self.__module__ = module
        kinds = dict.fromkeys(takes, Any) | {CONTEXT: Any}
        self.__annotations__ = kinds | {key: type(value) for key, value in parameters.items()}
        self.__signature__ = inspect.Signature(
            [
                *(inspect.Parameter(slot, inspect.Parameter.KEYWORD_ONLY) for slot in kinds),
                *(
                    inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value)
                    for key, value in parameters.items()
                ),
            ]
        )
        self._slots = tuple(takes)

    def _exchanged(
        self,
        given: dict[str, Any],
        act: Callable[[Path, Path, dict[str, Any]], None],
        gives: Sequence[str],
    ) -> dict[str, Any]:
        """Hand over what is taken, act, and return what was left."""
        folder = Path(given.pop(CONTEXT).folder)
        inside, outside = folder / IN, folder / OUT
        inside.mkdir()
        outside.mkdir()
        for slot in self._slots:
            hand_over(inside, slot, given.pop(slot))
        act(inside, outside, given)
        made = {name: take_back(outside, name) for name in gives}
        if gives and all(one is None for one in made.values()):
            lies = ", ".join(sorted(one.name for one in outside.iterdir())) or "nothing"
            raise PanneuroError(
                f"step {self.__name__!r} left nothing of what it gives: {', '.join(gives)}",
                hint=f"write {gives[0]}.csv, .npy, .json, …; where it was to write lies {lies}",
            )
        return made

    @staticmethod
    def _returned(made: dict[str, Any]) -> Any:
        """Return what a step returns: one value by itself, several by name."""
        return made if len(made) > 1 else next(iter(made.values()))


class _Program(_External):
    def __init__(self, argv: tuple[str, ...], gives: tuple[str, ...], *about: Any) -> None:
        super().__init__(*about)
        self._argv = argv
        self._gives = gives

    @property
    def code(self) -> Code:
        """The command, and the content of every file in it."""
        files = {}
        for word in self._argv:
            found = shutil.which(word) if word == self._argv[0] else None
            path = Path(found or word)
            if path.is_file():
                files[word] = path
        root, sources, loads = home_of(self.__module__)
        short = [_beside(word, root) for word in self._argv]
        said = [
            short,
            sorted((_beside(word, root), digest_file(one)) for word, one in files.items()),
        ]
        own = {_beside(word, root): _text(path) for word, path in files.items()}
        kept = {word: text for word, text in own.items() if text and is_key(word)}
        return Code(digest_json(said), sources, frozenset(), loads, kept)

    def __call__(self, **given: Any) -> Any:
        return self._returned(self._exchanged(given, self._run, self._gives))

    def _run(self, inside: Path, outside: Path, parameters: dict[str, Any]) -> None:
        known = {IN: str(inside), OUT: str(outside), **parameters}
        argv = [_filled(word, known) for word in self._argv]
        try:
            done = subprocess.run(
                argv, cwd=outside, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except OSError as error:
            raise NotFoundError(f"the program {argv[0]!r} cannot be run: {error}") from error
        said = (done.stdout + done.stderr).decode(errors="replace")
        sys.stdout.write(said)
        if done.returncode:
            raise PanneuroError(
                f"the program {Path(argv[0]).name!r} ended with status {done.returncode}",
                hint=said[-_TOLD:].strip(),
            )


def _beside(word: str, root: Path | None) -> str:
    """Return the path of a file below a folder as seen from there, anything else as it is."""
    path = Path(word)
    below = root is not None and path.is_absolute() and path.is_relative_to(root)
    return path.relative_to(root).as_posix() if root and below else word


def _imported(cells: Iterable[str]) -> frozenset[str]:
    """Return the top-level names of what the cells of a notebook import."""
    found: set[str] = set()
    for cell in cells:
        # What is for the notebook and not for Python is passed over.
        lines = [line for line in cell.splitlines() if not line.lstrip().startswith(("%", "!"))]
        with suppress(SyntaxError):
            for node in ast.walk(ast.parse("\n".join(lines))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return frozenset(found - set(sys.stdlib_module_names))


def _placed(argv: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Return the words of a line, files of a folder by their whole paths."""
    installed = {word for word in argv[:1] if os.sep not in word and shutil.which(word)}
    files = {word: folder.absolute() / word for word in argv if word not in installed}
    return tuple(str(files[word]) if word in files and files[word].is_file() else word
                 for word in argv)  # fmt: skip


def _filled(word: str, known: Mapping[str, Any]) -> str:
    try:
        return word.format_map(known)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"a word of the program's line cannot be filled in: {word!r} ({error})",
            hint=f"in braces: {', '.join(known)}; {{{{ and }}}} for braces",
        ) from error


def _text(path: Path) -> str:
    """Return the text of a script, nothing of a binary."""
    data = path.read_bytes()[: 1 << 20]
    return "" if b"\0" in data else data.decode(errors="replace")


def program(
    argv: Sequence[str],
    *,
    name: str,
    takes: str | Iterable[str] | Mapping[str, str],
    gives: str | Iterable[str],
    parameters: Mapping[str, Any] | None = None,
    resources: Resources | None = None,
    tolerance: float = 0.0,
) -> Step:
    """Make a step of a program that reads files and writes files.

    Parameters
    ----------
    argv : sequence of str
        The program and its arguments. ``{in}`` is a folder with a file for everything that is
        taken, ``{out}`` one to write ``NAME.csv``, ``NAME.npy``, … into for everything that is
        given (the program starts in it); parameters stand in braces by name. A word that names a
        file beside the one that says this is that file.
    name : str
        Of the step; the variable that holds it is named the same, with ``_`` for ``-``.
    takes, gives, resources, tolerance
        As for `panneuro.compute.step.step`.
    parameters : mapping, optional
        By name, the default, whose type counts.

    Examples
    --------
    >>> line = ["sort-spikes", "{in}/ap.npy", "--threshold", "{threshold}", "--to", "{out}"]
    >>> program(line, name="sort", takes="ap", gives="units", parameters={"threshold": 5.0})
    <Step sort: ap → units>
    """
    module = _caller()
    wanted, given = declared(takes, gives)
    about = (name, module, wanted, dict(parameters or {}))
    return Step(
        _Program(_placed(argv, _folder_of(module)), given, *about),
        name=name,
        takes=wanted,
        gives=given,
        resources=resources or Resources(),
        tolerance=tolerance,
        gathers=False,
    )


class _Notebook(_External):
    def __init__(self, path: Path, gives: tuple[str, ...], *about: Any) -> None:
        super().__init__(*about)
        self._path = path
        self._gives = gives

    @property
    def code(self) -> Code:
        """The notebook's cells, without what they printed."""
        document = _read(self._path)
        said = [[cell.cell_type, cell.source] for cell in document.cells]
        for cell in document.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        root, sources, loads = home_of(self.__module__)
        text = need("nbformat", "notebooks", "Keeping a notebook").writes(document)
        imports = _imported([cell.source for cell in document.cells if cell.cell_type == "code"])
        place = _beside(str(self._path), root)
        kept = {place: text} if is_key(place) else {}
        return Code(digest_json(said), sources, imports, loads | imports | _TO_EXECUTE, kept)

    def __call__(self, **given: Any) -> Any:
        folder = Path(given[CONTEXT].folder)
        made = self._exchanged(given, self._run, [n for n in self._gives if n != "notebook"])
        kept = folder / "notebook" / self._path.name
        return self._returned(made | ({"notebook": kept} if "notebook" in self._gives else {}))

    def _run(self, inside: Path, outside: Path, parameters: dict[str, Any]) -> None:
        papermill = need("papermill", "notebooks", "Running a notebook")
        target = inside.parent / "notebook" / self._path.name
        target.parent.mkdir()
        try:
            papermill.execute_notebook(
                str(self._path),
                str(target),
                parameters={"folder_in": str(inside), "folder_out": str(outside), **parameters},
                **_kernel(_read(self._path)),
                progress_bar=False,
                cwd=str(outside),
            )
        except papermill.PapermillExecutionError as error:
            raise PanneuroError(
                f"the notebook {self._path.name!r} failed in cell {error.cell_index}: "
                f"{error.ename}: {error.evalue}",
                hint="open it and run it up to there",
            ) from error
        _forget_when(target, [str(inside.parent)])


def _read(path: Path) -> Any:
    nbformat = need("nbformat", "notebooks", "Reading a notebook")
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no notebook {str(path)!r}") from error
    except (ValueError, nbformat.reader.NotJSONError) as error:
        raise InputError(f"{str(path)!r} is no notebook: {error}") from error


def _kernel(document: Any) -> dict[str, str]:
    """Return what executes a notebook: of Python, the one here, whose packages are recorded."""
    said = [document.metadata.get(key, {}) for key in ("language_info", "kernelspec")]
    language = said[0].get("name") or said[1].get("language") or "python"
    return {"kernel_name": "python3", "language": "python"} if language == "python" else {}


def _forget_when(path: Path, places: Iterable[str]) -> None:
    """Take out of an executed notebook when and where it was executed."""
    text = path.read_text()
    for place in places:
        text = text.replace(place, "…")
    path.write_text(text)
    document = _read(path)
    document.metadata.pop("papermill", None)
    for at, cell in enumerate(document.cells):
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        cell.id = f"cell-{at}"
    need("nbformat", "notebooks", "Keeping a notebook").write(document, path)


def notebook(
    path: str | Path,
    *,
    name: str = "",
    takes: str | Iterable[str] | Mapping[str, str],
    gives: str | Iterable[str],
    parameters: Mapping[str, Any] | None = None,
    resources: Resources | None = None,
    tolerance: float = 0.0,
) -> Step:
    """Make a step of a notebook, which is executed by papermill.

    Its cell tagged ``parameters`` is followed by one that sets ``folder_in``, where a file for
    everything that is taken lies, ``folder_out``, where it writes what it gives, and the
    parameters. ``notebook`` among what it gives is the executed notebook itself.

    Parameters
    ----------
    path : str or Path
        Of the ``.ipynb``, beside the file that says this.
    name : str, optional
        Of the step; the file's otherwise.
    takes, gives, parameters, resources, tolerance
        As for `program`.
    """
    module = _caller()
    wanted, given = declared(takes, gives)
    name = name or Path(path).stem
    about = (name, module, wanted, dict(parameters or {}))
    return Step(
        _Notebook((_folder_of(module) / path).resolve(), given, *about),
        name=name,
        takes=wanted,
        gives=given,
        resources=resources or Resources(),
        tolerance=tolerance,
        gathers=False,
    )


def _folder_of(module: str) -> Path:
    """Return the folder of the file that declares a step."""
    return Path(getattr(sys.modules.get(module), "__file__", None) or "").parent


def _caller() -> str:
    """Return the name of the module that declares the step."""
    return str(sys._getframe(2).f_globals.get("__name__", "__main__"))
