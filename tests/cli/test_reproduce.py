from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import panneuro
from panneuro.compute import repeating, reproducing, texts
from panneuro.compute.running import run as run_step
from panneuro.core.errors import ExpiredError

STEPS = Path(__file__).parent / "steps.py"


@pytest.fixture
def computed(filled, tmp_path):
    """Return a lake with a result, and the name of this."""
    own = str(shutil.copytree(filled, tmp_path / "own"))
    (name,) = run_step(panneuro.open(own), f"{STEPS}:count", "has:units").outputs
    return own, name


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(reproducing, "_asked", lambda _, order, folder: repeating.repeat(order))


def test_a_result_is_proved(run, computed):
    lake, name = computed
    result = run("reproduce", name, "--here", "--lake", lake)
    assert result.exit_code == 0, result.output
    assert "is reproduced: the same bytes" in result.stdout
    answered = run("reproduce", name, "--here", "--lake", lake, "--json")
    (verdict,) = json.loads(answered.stdout)["verdicts"]
    assert (verdict["outcome"], verdict["reproduced"]) == ("identical", True)


def test_what_expired_is_put_back(run, computed):
    lake, name = computed
    toml = Path(lake) / "lake.toml"
    toml.write_text(
        f'{toml.read_text()}\n[[lifecycle]]\non = "kind=derived"\nidle_days = 0\ndo = "expire"\n'
    )
    assert "was never made again" in run("cost", "--rules", "--lake", lake).stdout
    run("reproduce", name, "--here", "--lake", lake)
    assert run("reproduce", name, "--restore", "--lake", lake).exit_code == 2
    assert "a month; done" in run("cost", "--rules", "--apply", "--lake", lake).stderr
    with pytest.raises(ExpiredError, match="expired on"):
        panneuro.open(lake)[name].read_file("_lake/head")
    back = run("reproduce", name, "--restore", "--here", "--lake", lake)
    assert back.exit_code == 0, back.output
    assert "is there again: the same bytes" in back.stdout
    assert run("check", name, "--lake", lake).exit_code == 0


def test_what_is_not_reproduced_ends_so(run, computed, monkeypatch):
    lake, name = computed

    def other(_, order, folder):
        order = order | {"run": order["run"] | {"parameters": {"at_least": 6}}}
        return repeating.repeat(order)

    monkeypatch.setattr(reproducing, "_asked", other)
    result = run("reproduce", name, "--here", "--lake", lake, "--jsonl")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["outcome"] == "different"


def test_what_is_gone_is_named(run, computed):
    lake, name = computed
    opened = panneuro.open(lake)
    (made,) = opened.runs.making(name)
    opened.store.delete(texts.code_key(made.code))
    result = run("reproduce", name, "--lake", lake)
    assert result.exit_code == 3
    assert "no longer obtainable: code:" in result.stdout


def test_what_cannot_be_reproduced_is_refused(run, computed):
    lake, name = computed
    assert run("reproduce", "nothing", "--lake", lake).exit_code == 3
    assert run("reproduce", name, "--tolerance", -1, "--lake", lake).exit_code == 2
    source = next(one for one in panneuro.open(lake) if one != name)
    result = run("reproduce", source, "--lake", lake)
    assert result.exit_code == 2
    assert "was not computed: it is from 'panneuro.add'" in result.stderr


def test_a_bundle_is_made_and_made_again(run, computed, tmp_path):
    lake, name = computed
    path = tmp_path / "paper.zip"
    (tmp_path / "figure.svg").write_text("<svg/>")
    line = ("bundle", f"name={name}", "--out", path, "--with", tmp_path / "figure.svg")
    result = run(*line, "--lake", lake)
    assert result.exit_code == 0, result.output
    assert "2 assets, 2 runs" in result.stdout
    assert f"panneuro reproduce {path}" in result.stderr
    again = run("reproduce", path, "--here", "--into", tmp_path / "in", "--json")
    assert again.exit_code == 0, again.output
    assert [one["name"] for one in json.loads(again.stdout)["verdicts"]] == [name]
    assert name in panneuro.open(tmp_path / "in" / "lake")
    assert run(*line, "--lake", lake).exit_code == 2
    assert run("reproduce", tmp_path / "none.zip").exit_code == 3


def test_a_bundle_that_refers_says_so(run, computed, tmp_path):
    lake, name = computed
    path = tmp_path / "slim.zip"
    line = ("bundle", f"name={name}", "--out", path, "--references", "--title", "Ripples")
    document = json.loads(run(*line, "--lake", lake, "--json").stdout)
    assert document["references"] is True
    assert document["results"] == [f"{name}@{panneuro.open(lake)[name].version}"]
    shutil.move(lake, f"{lake}-moved")
    missing = run("reproduce", path, "--here")
    assert missing.exit_code == 3
    assert "no longer obtainable" in missing.stderr
    found = run("reproduce", path, "--here", "--from", f"{lake}-moved")
    assert found.exit_code == 0, found.output


@pytest.mark.parametrize(("flag", "key"), [("--prov", "wasGeneratedBy"), ("--ro-crate", "@graph")])
def test_lineage_speaks_the_words_of_others(run, computed, flag, key):
    lake, name = computed
    result = run("lineage", name, flag, "--lake", lake)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[key]
    assert run("lineage", name, flag, "--dot", "--lake", lake).exit_code == 2
