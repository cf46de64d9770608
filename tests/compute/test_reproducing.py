from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import six

import panneuro
from panneuro.compute import repeating, reproducing, texts
from panneuro.compute.environments import Environment, build
from panneuro.compute.obtaining import Recipe
from panneuro.compute.products import product
from panneuro.compute.reproducing import STEP, reproduce, summary, verdicts
from panneuro.compute.running import run
from panneuro.compute.step import Context
from panneuro.core.errors import InputError, NotFoundError
from panneuro.lake.runs import record_key

HERE = Path(__file__).parent
STEPS = HERE / "repeated.py"
SOURCE = "ecephys_m0_2026-03-02_09-30-00"


@pytest.fixture
def quickly(monkeypatch):
    """Repeat runs in this process: another takes seconds to begin."""

    def asked(python, order, folder):
        for part in ("source", "code"):
            assert (folder / part).is_dir()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder / "code"))
            patch.delitem(sys.modules, "strangers", raising=False)
            try:
                return repeating.repeat(json.loads(json.dumps(order)))
            except panneuro.PanneuroError as error:
                return {"error": error.message}

    monkeypatch.setattr(reproducing, "_asked", asked)


def made(lake, step, **given):
    """Run a step on one session, and return the name of what it made."""
    ran = run(lake, f"{STEPS}:{step}", on="subject=m0 has:units", **given)
    assert not ran.failed, ran.failed[0].error
    (name,) = ran.outputs
    return name


def test_a_faithful_step_is_reproduced_byte_for_byte(folder_lake):
    name = made(folder_lake, "faithful", seed=7)
    before = {one.key for one in folder_lake.store.list("assets")}
    verdict = reproduce(folder_lake, name, here=True)
    assert (verdict.outcome, verdict.differences, verdict.missing) == ("identical", (), {})
    assert summary(verdict) == f"{name}@{verdict.version} is reproduced: the same bytes"
    assert {one.key for one in folder_lake.store.list("assets")} == before
    (recorded,) = folder_lake.runs.find(step=STEP)
    assert recorded.is_done
    assert recorded.inputs == {"source": {name: verdict.version}}
    assert [one for _, one in verdicts(folder_lake, name)] == [verdict]
    reproduce(folder_lake, name, here=True)
    assert len(verdicts(folder_lake, name)) == 2


def test_what_differs_is_told_and_judged_by_the_tolerance(quickly, folder_lake):
    name = made(folder_lake, "noisy")
    verdict = reproduce(folder_lake, name, here=True)
    assert verdict.outcome == "equal"
    (difference,) = verdict.differences
    assert difference.name == "noise.value"
    assert 0 < difference.largest < 1e-6
    strict = reproduce(folder_lake, name, here=True, tolerance=0.0)
    assert strict.outcome == "different"
    assert folder_lake.runs.find(step=STEP, status="failed")[0].error["code"] == (
        "reproduce/different"
    )


def test_what_depends_on_the_clock_is_found_out(quickly, folder_lake):
    verdict = reproduce(folder_lake, made(folder_lake, "forgetful"), here=True)
    assert verdict.outcome == "different"
    assert [one.name for one in verdict.differences] == ["when"]
    assert not verdict.is_reproduced


def test_what_leans_on_other_files_fails_and_says_so(quickly, folder_lake, tmp_path):
    (tmp_path / "notes.txt").write_text("17")
    name = made(folder_lake, "leaning", path=str(tmp_path / "notes.txt"))
    (tmp_path / "notes.txt").unlink()
    verdict = reproduce(folder_lake, name, here=True)
    assert verdict.outcome == "failed"
    assert "FileNotFoundError" in verdict.error


def test_the_stored_code_is_run_not_what_is_there_now(folder_lake, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "strangers", raising=False)
    path = tmp_path / "mine.py"
    text = STEPS.read_text()
    shutil.copy(HERE / "strangers.py", tmp_path)
    path.write_text(text)
    ran = run(folder_lake, f"{path}:faithful", on="subject=m0 has:units")
    (name,) = ran.outputs
    path.write_text(text.replace("size=4", "size=5"))
    (tmp_path / "strangers.py").unlink()
    assert reproduce(folder_lake, name, here=True).outcome == "identical"


@pytest.mark.parametrize(
    ("step", "file"), [("late", "external_script.py"), ("counted", "external.ipynb")]
)
def test_programs_and_notebooks_are_kept_and_repeated(quickly, folder_lake, tmp_path, step, file):
    for name in ("external_steps.py", "external_script.py", "external.ipynb"):
        shutil.copy(HERE / name, tmp_path)
    path = tmp_path / "external_steps.py"
    (name,) = run(folder_lake, f"{path}:{step}", on="subject=m0 has:units").outputs
    (tmp_path / file).unlink()
    verdict = reproduce(folder_lake, name, here=True)
    assert (verdict.outcome, verdict.notes) == ("identical", ())


def test_everything_that_is_gone_is_named(folder_lake):
    store = folder_lake.store
    name = made(folder_lake, "faithful")
    (recorded,) = folder_lake.runs.making(name)
    asset = folder_lake[SOURCE]
    victim = next(file for file in asset.files if file.path.endswith("units.parquet"))
    keys = [
        texts.code_key(recorded.code),
        asset.manifest.key_of(victim),
        texts.source_key(json.loads(store.get(texts.environment_key(recorded.installed)))[
            "panneuro"]["source"]),
    ]  # fmt: skip
    for key in keys:
        store.delete(key)
    verdict = reproduce(folder_lake, name)
    assert verdict.outcome == "unobtainable"
    assert {what.split()[0] for what in verdict.missing} == {"code", "input", "panneuro"}
    assert f"input {SOURCE}@{asset.version}" in verdict.missing
    store.delete(texts.environment_key(recorded.installed))
    verdict = reproduce(folder_lake, name, quick=True)
    assert "environment" in verdict.missing
    assert "no longer obtainable" in summary(verdict)


def test_code_that_no_registry_has_is_named(folder_lake, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "labtools.py").write_text("FACTOR = 2")
    monkeypatch.syspath_prepend(str(elsewhere))
    path = tmp_path / "mine.py"
    path.write_text(
        "import labtools\nimport panneuro\n\n\n"
        '@panneuro.step(takes="units", gives="n")\n'
        "def doubled(units) -> int:\n    return labtools.FACTOR * len(units)\n"
    )
    (name,) = run(folder_lake, f"{path}:doubled", on="subject=m0 has:units").outputs
    verdict = reproduce(folder_lake, name, quick=True)
    assert verdict.missing == {"package labtools": "it came with no package"}


def test_packages_that_are_gone_are_named(registry, folder_lake):
    name = made(folder_lake, "faithful")
    (recorded,) = folder_lake.runs.making(name)
    key = texts.environment_key(recorded.installed)
    said = json.loads(folder_lake.store.get(key))
    said["packages"]["six"]["version"] = "1.999.0"
    said["packages"]["numpy"]["origin"] = {"url": "file:///gone/numpy", "dir_info": {}}
    folder_lake.store.put(key, json.dumps(said).encode())
    verdict = reproduce(folder_lake, name, quick=True)
    assert verdict.outcome == "unobtainable"
    assert "which only that machine had" in verdict.missing[f"package numpy {_version(said)}"]
    del said["packages"]["numpy"]["origin"]
    folder_lake.store.put(key, json.dumps(said).encode())
    verdict = reproduce(folder_lake, name, quick=True)
    assert list(verdict.missing) == ["package six==1.999.0"]
    with pytest.raises(InputError, match=r"six 1\.999\.0 →"):
        reproduce(folder_lake, name, here=True)


def _version(said):
    return said["packages"]["numpy"]["version"]


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"sources": 3}', b"\xff", b"[1]"])
def test_damaged_records_are_told(folder_lake, damage):
    name = made(folder_lake, "faithful")
    (recorded,) = folder_lake.runs.making(name)
    folder_lake.store.put(texts.code_key(recorded.code), damage)
    folder_lake.store.put(texts.environment_key(recorded.installed), damage)
    verdict = reproduce(folder_lake, name, quick=True)
    assert verdict.outcome == "unobtainable"
    assert {"code", "environment"} <= set(verdict.missing)


def test_a_panneuro_that_was_changed_is_not_run(folder_lake):
    name = made(folder_lake, "faithful")
    (recorded,) = folder_lake.runs.making(name)
    own = json.loads(folder_lake.store.get(texts.environment_key(recorded.installed)))["panneuro"]
    other = texts._zipped(dict(texts.own_source()) | {"panneuro/evil.py": b"print('hello')"})
    folder_lake.store.put(texts.source_key(own["source"]), other)
    verdict = reproduce(folder_lake, name, here=True, quick=True)
    assert verdict.outcome == "failed"
    assert "is not what its digest says" in verdict.error


def test_only_a_step_with_an_environment_calls_apart(tmp_path):
    context = Context(map, 1, tmp_path)
    with pytest.raises(InputError, match="its step declares no environment"):
        context.call(len)


def test_what_was_not_computed_is_refused(folder_lake, tmp_path):
    with pytest.raises(NotFoundError, match="no run is recorded"):
        reproduce(folder_lake, SOURCE)
    name = made(folder_lake, "faithful")
    with pytest.raises(InputError, match="a tolerance of -1"):
        reproduce(folder_lake, name, tolerance=-1)
    folder_lake.describe(name, {"subject": {"sex": "female"}})
    with pytest.raises(InputError, match=r"was not computed: it is from 'panneuro\.describe'"):
        reproduce(folder_lake, name)


def test_what_a_notebook_defines_cannot_be_repeated(folder_lake):
    @panneuro.step(takes="units", gives="n")
    def inner(units) -> int:
        return len(units)

    (name,) = run(folder_lake, inner, on="subject=m0 has:units").outputs
    verdict = reproduce(folder_lake, name, quick=True)
    assert "only its own text is kept" in verdict.missing["code"]


@pytest.mark.slow
def test_the_recorded_versions_are_built_and_used(registry, folder_lake):
    """A run made with an older six, elsewhere, is repeated with that six, and not with ours."""
    name = made(folder_lake, "faithful", seed=3)
    (recorded,) = folder_lake.runs.making(name)
    recipe = Recipe(folder_lake, recorded)
    older = recipe.environment.text.replace(f"six=={six.__version__}", "six==1.16.0")
    python = build(Environment.parse(older))
    place = folder_lake.store.url
    script = (
        "import panneuro; from panneuro.compute.running import run\n"
        f"ran = run(panneuro.open({place!r}), {f'{STEPS}:faithful'!r}, on='subject=m1 has:units')\n"
        "assert not ran.failed, ran.failed[0].error"
    )
    source = Path(panneuro.__file__).parent.parent
    installed = next(Path(p) for p in sys.path if list(Path(p).glob("panneuro-*.dist-info")))
    beside = folder_lake_folder(place) / "beside"
    shutil.copytree(next(installed.glob("panneuro-*.dist-info")), beside / "panneuro-0.dist-info")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (source, beside)))}
    subprocess.run([python, "-c", script], env=env, check=True)
    folder_lake.refresh()
    other = name.replace("_m0_", "_m1_")
    assert product(folder_lake[other], "packages") == "1.16.0" != six.__version__
    verdict = reproduce(folder_lake, other)
    assert (verdict.outcome, verdict.missing, verdict.notes) == ("identical", {}, ())


def folder_lake_folder(place):
    return Path(place.removeprefix("file://"))


@pytest.mark.slow
def test_a_step_with_a_lock_of_its_own_is_repeated_with_it(registry, folder_lake):
    name = made(folder_lake, "apart")
    assert product(folder_lake[name], "answer") == [six.__version__, "1.16.0", "used"]
    (recorded,) = folder_lake.runs.making(name)
    assert recorded.packages["six (locked)"] == "1.16.0"
    assert recorded.packages["six"] == six.__version__
    assert record_key(recorded) in {one.key for one in folder_lake.store.list("runs")}
    verdict = reproduce(folder_lake, name, here=True)
    assert verdict.outcome == "identical", verdict
    folder_lake.store.delete(texts.lock_key(recorded.packages["(locked)"]))
    assert "lock" in reproduce(folder_lake, name, here=True).missing
