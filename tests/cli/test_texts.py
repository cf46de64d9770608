from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.cli import texts


@given(st.text())
def test_nothing_steers_the_terminal(text: str):
    shown = texts.printable(text)
    assert len(shown) == len(text)
    assert all(c == "\n" or c.isprintable() or c.isspace() or ord(c) > 127 for c in shown)
    assert "\x1b" not in shown
    assert "\r" not in shown


@given(st.integers(min_value=0, max_value=10**16))
def test_sizes_are_within_half_a_percent(count: int):
    number, unit = texts.in_bytes(count).split()
    power = ("bytes", "kB", "MB", "GB", "TB", "PB").index(unit)
    assert float(number) * 1000**power == pytest.approx(count, rel=0.005)


def test_times():
    assert texts.in_time(0.25) == "0.25 s"
    assert texts.in_time(125) == "2:05 min"
    assert texts.in_time(7384) == "2:03:04"


@given(st.lists(st.tuples(st.text(), st.text(), st.integers()), max_size=5))
def test_a_row_is_a_line(rows: list[tuple[str, str, int]]):
    assert len(texts.table(("a", "b", "c"), rows, ("c",)).split("\n")) == len(rows) + 1


def test_wide_characters_stay_aligned():
    lines = texts.table(("name", "n"), [["海马体", 1], ["e\u0301", 2]], ["n"]).splitlines()
    assert lines == ["name    n", "海马体  1", "e\u0301       2"]


def test_a_terminal_is_not_overrun(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 20)))
    name = "ecephys_mouse-7_2024"
    lines = texts.table(("name", "title"), [[name, "a long title of a session " * 4]]).splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert name in lines[1]
    assert lines[1].endswith("…")
