"""The house is as its plan says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "panneuro"
FILES = sorted(SOURCE.rglob("*.py"))
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core"}
LONGEST_FILE = 450
LONGEST_FUNCTION = 60
DEEPEST = 2


def functions(tree):
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length(node):
    """Return the lines of a function without its docstring."""
    documented = ast.get_docstring(node, clean=False)
    return node.end_lineno - node.lineno + 1 - (documented or "").count("\n")


def test_files_are_small():
    sizes = {path: len(path.read_text().splitlines()) for path in FILES}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    shown = [f"{path.relative_to(SOURCE)}: {sizes[path]}" for path in largest]
    assert sizes[largest[0]] <= LONGEST_FILE, shown


def test_functions_are_short():
    found = {
        f"{path.relative_to(SOURCE)}:{node.name}": length(node)
        for path in FILES
        for node in functions(ast.parse(path.read_text()))
    }
    longest = sorted(found.items(), key=lambda item: -item[1])[:5]
    assert longest[0][1] <= LONGEST_FUNCTION, longest
    assert sorted(found.values())[len(found) // 2] < 10


def test_rooms_are_nouns_and_not_deep():
    for path in FILES:
        inside = path.relative_to(SOURCE)
        assert len(inside.parts) <= DEEPEST, inside
        assert inside.stem not in FORBIDDEN, inside


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_everything_public_is_documented(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if named and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_every_room_with_code_has_tests():
    tests = Path(__file__).parent
    for room in {path.parent for path in FILES if path.parent != SOURCE}:
        assert list((tests / room.name).glob("test_*.py")), room.name


def test_nothing_is_left_undone():
    marks = ["TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error("]
    for path in FILES:
        text = path.read_text()
        assert not [mark for mark in marks if mark in text], path


def test_the_project_speaks_of_itself_alone():
    for path in FILES:
        text = path.read_text()
        assert not [place for place in ("/work/", "/root/", "/home/") if place in text], path
