from __future__ import annotations

import sys
import textwrap

import pytest

import panneuro
from panneuro.compute.code import code_of
from panneuro.compute.step import find_step
from panneuro.core.errors import InputError

PLAIN = '''
import numpy as np
import panneuro
from scipy import signal
from beside import twice

SCALE = 2.0
OTHER = 3.0

def helper(x):
    return SCALE * x

def unused(x):
    return OTHER * x

@panneuro.step(takes="units", gives="a")
def first(units, n: int = 1) -> float:
    """Say something."""
    # and something else
    return helper(twice(len(units))) * n

@panneuro.step(takes="units", gives="b")
def second(units):
    return signal.detrend(np.arange(len(units)))
'''
BESIDE = """
def twice(x):
    return 2 * x

def thrice(x):
    return 3 * x
"""


@pytest.fixture
def digests(tmp_path):
    """Return what writes both files with some changes, and gives the digest of each step's code."""
    numbers = iter(range(99))

    def change(old="", new="", beside=("", "")):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        sys.modules.pop("beside", None)
        (folder / "beside.py").write_text(BESIDE.replace(*beside) if beside[0] else BESIDE)
        (folder / "steps.py").write_text(PLAIN.replace(old, new) if old else PLAIN)
        found = [find_step(f"{folder / 'steps.py'}:{name}").code.digest for name in FIRST_SECOND]
        sys.modules.pop("beside", None)
        return found

    return change


FIRST_SECOND = ("first", "second")


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("SCALE = 2.0", "SCALE = 2.5", (True, False)),
        ("OTHER = 3.0", "OTHER = 3.5", (False, False)),
        ("return SCALE * x", "return SCALE + x", (True, False)),
        ("np.arange(len(units))", "np.ones(len(units))", (False, True)),
        ("Say something", "Say nothing", (False, False)),
        ("# and something else", "", (False, False)),
        ("n: int = 1", "n: float = 1", (False, False)),
        ("n: int = 1", "n: int = 2", (True, False)),
        ('gives="a"', 'gives="a", tolerance=1e-6', (False, False)),
        ("SCALE = 2.0", "np.seterr(all='ignore')\nSCALE = 2.0", (True, True)),
    ],
)
def test_what_is_reached_counts_and_nothing_else(digests, old, new, changed):
    before, after = digests(), digests(old, new)
    assert tuple(a != b for a, b in zip(before, after, strict=True)) == changed


def test_files_beside_it_count(digests):
    before = digests()
    assert digests(beside=("2 * x", "x + x"))[0] != before[0]
    assert digests(beside=("2 * x", "x + x"))[1] == before[1]
    assert digests(beside=("3 * x", "x + x + x")) == before


def test_packages_are_told_apart_from_code(tmp_path):
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "steps.py").write_text(PLAIN)
    sys.modules.pop("beside", None)
    first, second = (find_step(f"{tmp_path / 'steps.py'}:{name}").code for name in FIRST_SECOND)
    sys.modules.pop("beside", None)
    assert first.imports == frozenset()
    assert second.imports == {"numpy", "scipy"}
    assert "beside" in first.sources


def test_what_panneuro_computes_is_code_and_what_it_stores_is_not():
    from panneuro.analysis.tuning import tuning_curves

    @panneuro.step(takes="units", gives="a")
    def tuned(units):
        return tuning_curves(units)

    sources = tuned.code.sources
    assert "panneuro.analysis.tuning" in sources
    assert not any(name.startswith(("panneuro.lake", "panneuro.compute")) for name in sources)


def test_what_a_notebook_defines_is_found_by_its_text():
    def scaled(x, by=2):
        return by * x

    @panneuro.step(takes="units", gives="a")
    def one(units):
        return scaled(len(units))

    @panneuro.step(takes="units", gives="a")
    def two(units):
        return len(units)

    assert one.code.digest != two.code.digest
    assert any("by * x" in text for text in one.code.sources.values())


def test_imports_inside_functions_and_by_name_count(tmp_path):
    (tmp_path / "inner.py").write_text(
        textwrap.dedent(
            """
            import panneuro
            from panneuro.core.extras import need

            @panneuro.step(takes="units", gives="a")
            def inner(units):
                import pandas as pd
                return pd.DataFrame({"n": need("scipy.stats", "analysis", "Testing").norm.pdf([0])})
            """
        )
    )
    assert find_step(str(tmp_path / "inner.py")).code.imports == {"pandas", "scipy"}


def test_code_without_a_text_is_refused():
    made: dict[str, object] = {}
    exec("def made_up(units):\n    return 1\n", made)
    with pytest.raises(InputError, match="cannot be found"):
        code_of(made["made_up"])


def test_relative_imports_inside_functions_count(tmp_path, monkeypatch):
    package = tmp_path / "labcode"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "numbers.py").write_text("def half(x):\n    return x / 2\n")
    (package / "steps.py").write_text(
        "import panneuro\n"
        "@panneuro.step(takes='units', gives='a')\n"
        "def halved(units):\n"
        "    from .numbers import half\n"
        "    return half(len(units))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    code = find_step("labcode.steps:halved").code
    assert "labcode.numbers" in code.sources
    assert code.imports == frozenset()
    for name in ("labcode.steps", "labcode.numbers", "labcode"):
        sys.modules.pop(name, None)


def test_what_importing_takes_is_kept_although_it_is_not_reached(tmp_path):
    (tmp_path / "aside.py").write_text("import yaml\nfrom deeper import one\n")
    (tmp_path / "deeper.py").write_text("import json\none = 1\n")
    path = tmp_path / "mine.py"
    path.write_text(
        "import aside\nimport panneuro\n\n\n"
        '@panneuro.step(takes="units", gives="n")\ndef plain(units) -> int:\n    return 1\n'
    )
    code = find_step(f"{path}:plain").code
    assert {name.partition("@")[0] for name in code.sources} == {"mine", "aside", "deeper"}
    assert code.loads == {"yaml"}
    assert "yaml" not in code.imports
    before = code.digest
    (tmp_path / "deeper.py").write_text("import json\none = 2\n")
    path.write_text(path.read_text() + "\n# read anew\n")
    assert find_step(f"{path}:plain").code.digest == before
