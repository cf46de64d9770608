from __future__ import annotations

import pytest

from panneuro.cli import completion


def completed(run, line: list[str], incomplete: str = "") -> list[str]:
    """Return what fish is offered for a line."""
    env = {
        "_PANNEURO_COMPLETE": "fish_complete",
        "COMP_WORDS": " ".join(["panneuro", *line]),
        "COMP_CWORD": incomplete,
    }
    offered = run(env=env).stdout.split("\n")
    values = [item.split(",", 1)[1] for item in offered if item.startswith("plain,")]
    return [value.split("\t")[0] for value in values]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_scripts(run, shell: str):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_PANNEURO_COMPLETE" in result.stdout
    assert "panneuro completion" in result.stderr


def test_verbs_and_options(run):
    assert completed(run, [], "rei") == ["reindex"]
    assert "--facet" in completed(run, ["find"], "--f")


def test_names_of_assets_and_signals(run, filled: str, name: str):
    assert completed(run, ["show", "--lake", filled], "ecep") == [name]
    assert completed(run, ["get", "--lake", filled, name], "un") == ["units"]
    assert completed(run, ["find", "--lake", filled], "species=") == ["species=Mus musculus"]


def test_fields_and_formats(run):
    assert "subject.species=" in completed(run, ["add", "--set"], "subject.s")
    assert completed(run, ["add", "--format"], "spikeg") == ["spikegadgets", "spikeglx"]


def test_nothing_is_offered_where_something_is_wrong(run, tmp_path):
    assert completed(run, ["show", "--lake", str(tmp_path / "none")], "e") == []
    assert completed(run, ["show"], "e") == []
