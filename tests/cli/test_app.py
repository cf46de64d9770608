"""The command as a whole: what it loads, where it speaks, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from panneuro.cli import failures
from panneuro.cli.verbs import VERBS

HEAVY = (
    "numpy",
    "pandas",
    "zarr",
    "pyarrow",
    "pydantic",
    "yaml",
    "h5py",
    "pynwb",
    "rich",
    "asyncio",
)
START = "from panneuro.cli import main; main()"


def real(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", START, *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=False, **options)


def loaded(*words: object) -> set[str]:
    """Return the heavy modules that a line loads."""
    code = (
        "import sys, contextlib\n"
        "from panneuro.cli import main\n"
        "with contextlib.suppress(SystemExit): main(sys.argv[1:])\n"
        f"print('LOADED', *({HEAVY!r} & sys.modules.keys()))"
    ).replace(repr(HEAVY), repr(set(HEAVY)))
    line = [sys.executable, "-c", code, *map(str, words)]
    out = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    return set(out.rpartition("LOADED")[2].split())


def test_help_lists_every_verb_and_loads_none(run):
    result = run("--help")
    assert result.exit_code == 0
    for verb, line in VERBS.items():
        assert f"{verb} " in result.stdout
        assert line in result.stdout
    assert loaded("--help") == set()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(run, verb: str):
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: panneuro {verb} ")
    assert {"--json", "--jsonl", "--quiet"} <= {word.rstrip(",") for word in result.stdout.split()}


@pytest.mark.parametrize("words", [["reindex"], ["get", "trials"], ["export", "zarr"]], ids=str)
def test_one_answer_is_one_line_of_json(
    run, filled: str, name: str, words: list[str], tmp_path: Path
):
    given = [words[0], name, *words[1:]] if words[1:] else words
    to = ["--to", tmp_path] if words[0] == "export" else []
    result = run(*given, *to, "--jsonl", "--lake", filled)
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["schema"] == f"panneuro/cli/{words[0]}/1.0"


def test_find_loads_nothing_heavy(filled: str):
    assert loaded("find", "ripples", "--lake", filled) == set()
    assert loaded("find", "--facet", "area", "--json", "--lake", filled) == set()


def test_the_answer_goes_to_stdout_and_the_talk_to_stderr(filled: str, name: str):
    found = real("find", "--lake", filled)
    assert found.returncode == 0
    assert name in found.stdout
    assert "1 found" in found.stderr
    assert "1 found" not in found.stdout


def test_an_error_ends_with_the_next_line_to_type(filled: str):
    missing = real("show", "nobody", "--lake", filled)
    assert missing.returncode == 3
    assert missing.stdout == ""
    assert missing.stderr.startswith("error: the lake at")
    assert "panneuro find" in missing.stderr.splitlines()[-1]
    assert "Traceback" not in missing.stderr


def test_an_error_is_a_document_under_json(run, filled: str):
    result = run("show", "nobody", "--json", "--lake", filled)
    assert result.exit_code == 3
    assert result.stderr == ""
    said = json.loads(result.stdout)
    assert said["schema"] == "panneuro/cli/error/1.0"
    assert said["code"] == "asset/not-found"
    assert said["exit_code"] == 3
    assert said["message"]
    assert said["hint"]


def test_a_line_that_cannot_be_understood(run):
    for words in (["fnd"], ["find", "--limit", "none"], ["show"], ["show", "a", "--fles"]):
        result = run(*words)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")
        assert result.stderr.splitlines()[-1].strip().startswith("panneuro")
    assert json.loads(run("show", "--json").stdout)["code"] == "usage/invalid"


def test_a_command_that_is_none_says_which_is_meant(run):
    assert "did you mean 'find'?" in run("fnd").stderr
    assert "did you mean 'find'?" in run("search").stderr
    assert "did you mean 'add'?" in run("init").stderr
    assert "did you mean" not in run("xyzzy").stderr


def test_no_command_at_all_explains_itself(run):
    result = run()
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: panneuro")
    assert "error" not in result.stderr


def test_without_a_lake(run):
    result = run("find")
    assert result.exit_code == 2
    assert "PANNEURO_LAKE" in result.stderr


def test_a_lake_that_is_not_there_is_told_as_it_was_named(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = run("find", "--lake", "no where")
    assert result.exit_code == 3
    assert "there is no lake at 'no where'" in result.stderr
    assert "panneuro add RECORDING --lake 'no where' " in result.stderr


def test_the_lake_may_be_named_by_the_environment(run, filled: str, name: str):
    assert name in run("find", env={"PANNEURO_LAKE": filled}).stdout


def test_an_interruption(run, filled: str, monkeypatch: pytest.MonkeyPatch):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("panneuro.cli.find.open_lake", stopped)
    result = run("find", "--lake", filled)
    assert result.exit_code == 130
    assert failures.SAME_LINE in result.stderr


def test_the_unforeseen_is_one_line_and_a_traceback_on_request(
    run, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of no use")

    monkeypatch.setattr("panneuro.cli.find.open_lake", broken)
    result = run("find")
    assert result.exit_code == 1
    assert "ZeroDivisionError: of no use" in result.stderr
    assert "Traceback" not in result.stderr
    assert "PANNEURO_DEBUG=1" in result.stderr
    debugging = run("find", env={"PANNEURO_DEBUG": "1"})
    assert "Traceback" in debugging.stderr
    assert json.loads(run("find", "--json").stdout)["code"] == "panneuro/unexpected"


def test_a_reader_that_has_enough_is_no_traceback(filled: str):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        line = [sys.executable, "-c", START, "find", "--json", "--lake", filled]
        done = subprocess.run(line, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_warnings_of_libraries_are_one_line(run, filled: str, monkeypatch: pytest.MonkeyPatch):
    import warnings

    from panneuro.lake.lake import open_lake

    def noisy(place: str | None) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("a library\n grumbles", UserWarning, stacklevel=1)
        return open_lake(place)

    monkeypatch.setattr("panneuro.cli.find.open_lake", noisy)
    assert "note: a library grumbles\n" in run("find", "--lake", filled).stderr
    assert run("find", "--quiet", "--lake", filled).stderr == ""


def test_colours_only_where_they_are_wanted(run, monkeypatch: pytest.MonkeyPatch):
    assert "\x1b[31m" in run("find", color=True).stderr
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("find", color=True).stderr


def test_the_version(run):
    assert run("--version").stdout.startswith("panneuro ")


def test_no_traceback_for_a_folder_that_cannot_be_read(run, tmp_path: Path):
    (tmp_path / "lake.toml").write_bytes(b"\xff\xfe not toml")
    result = run("find", "--lake", tmp_path)
    assert result.exit_code in failures.EXIT_CODES
    assert result.exit_code != 0
    assert "Traceback" not in result.output
