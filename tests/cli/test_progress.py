from __future__ import annotations

import pytest

from panneuro.cli import progress
from panneuro.cli.answers import Answers


def test_lines_say_how_far_the_work_is(capsys: pytest.CaptureFixture[str]):
    lines = progress.Lines()
    lines.tick()
    assert capsys.readouterr().err == ""
    lines.start("compressing", 4_000_000)
    lines.advance(1_000_000)
    lines.tick()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("compressing: 1 MB of 4 MB, 25 %, ")
    assert said.err.endswith(" left\n")


def test_what_is_nearly_done_has_no_fractions_of_a_second_left():
    phase = progress.Phase("hashing", 1_000_000, done=999_999, began=0.0)
    assert phase.told(1.0).endswith(", 0 s left")


def test_a_heartbeat_where_no_total_is_known(capsys: pytest.CaptureFixture[str]):
    lines = progress.Lines()
    lines.start("reading", 0)
    lines.tick()
    assert capsys.readouterr().err.startswith("reading: ")


def test_a_bar_is_drawn_over_and_wiped(capsys: pytest.CaptureFixture[str]):
    bar = progress.Bar()
    bar.start("hashing", 10, "files")
    bar.advance(5)
    bar.tick()
    assert (
        "[############............] hashing: 5 files of 10 files, 50 %" in capsys.readouterr().err
    )
    bar.close()
    assert capsys.readouterr().err == "\r"


def test_no_more_than_the_whole_is_drawn():
    assert progress.Phase("x", 4, done=9).bar() == f"[{'#' * 24}]"


def test_rich_draws_several_phases(capsys: pytest.CaptureFixture[str]):
    bar = progress.RichBar()
    bar.advance(1)
    bar.start("hashing", 10)
    bar.start("compressing", 0)
    bar.advance(5)
    bar.tick()
    bar.close()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("terminal", "rich", "kind"),
    [(False, True, progress.Lines), (True, True, progress.RichBar), (True, False, progress.Bar)],
)
def test_what_is_shown_where(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, rich: bool, kind: type
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(progress, "find_spec", lambda name: rich or None)
    with progress.watched(Answers("add"), "reading") as shown:
        assert type(shown) is kind
        shown.start("hashing", 3)
        shown.advance(3)


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]):
    with progress.watched(Answers("add", quiet=True), "reading") as shown:
        shown.start("hashing", 3)
        shown.advance(3)
    assert capsys.readouterr().err == ""


def test_the_clock_ticks_until_the_work_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from threading import Event

    ticked = Event()

    class Quick(progress.Lines):
        every_s = 0.001

        def tick(self) -> None:
            ticked.set()

    monkeypatch.setattr(progress, "_display", Quick)
    with progress.watched(Answers("add"), "reading"):
        assert ticked.wait(30)
