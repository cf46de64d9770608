from __future__ import annotations

from importlib.metadata import version

import pytest

from panneuro.compute.flow import up
from panneuro.compute.lineage import depending_on, lineage, rerun
from panneuro.compute.pipelines import Pipeline
from panneuro.compute.running import run
from panneuro.compute.step import Step
from panneuro.core.errors import InputError, NotFoundError

SOURCE = "ecephys_m1_2026-03-02_09-30-00"


@pytest.fixture
def computed(lake, steps):
    """Return a lake in which a pipeline has run."""
    chain = [f"{steps}:rates", f"{steps}:best", f"{steps}:average"]
    up(lake, Pipeline("tuning", on="has:units", steps=chain))
    return lake


def steps_of(found):
    return sorted({run.step for run in found.runs})


def test_upwards_to_what_it_was_made_from(computed):
    found = lineage(computed, [f"{SOURCE}_rates.best"])
    assert [run.step for run in found.runs] == ["best", "rates"]
    assert [name for name, _ in found.assets] == [f"{SOURCE}_rates.best", f"{SOURCE}_rates", SOURCE]
    assert len(list(found.edges())) == 2


def test_downwards_to_what_was_made_of_it(computed):
    found = lineage(computed, [SOURCE], "down")
    assert steps_of(found) == ["average", "best", "rates"]
    assert not lineage(computed, ["tuning.average"], "down").runs


def test_descriptions_are_part_of_it(computed):
    computed.describe(SOURCE, {"subject": {"sex": "female"}})
    found = lineage(computed, [SOURCE])
    assert [run.step for run in found.runs] == ["panneuro.describe"]


def test_what_a_package_was_used_for(computed):
    (version,) = {run.packages["numpy"] for run in computed.runs.find(step="rates")}
    assert steps_of(depending_on(computed, f"numpy=={version}")) == ["average", "best", "rates"]
    assert not depending_on(computed, "numpy<1").runs
    assert not depending_on(computed, "nothing-of-that-name").runs
    with pytest.raises(InputError, match="names no package"):
        depending_on(computed, "numpy=2 or so")


def test_what_a_version_of_panneuro_made(computed):
    own = version("panneuro")
    assert steps_of(depending_on(computed, f"panneuro=={own}")) == ["average", "best", "rates"]
    assert not depending_on(computed, f"panneuro!={own}").runs


def test_what_was_made_with_another_package_is_made_again(computed, monkeypatch):
    upgraded = {"numpy": "99.0", "python": "3.12"}
    monkeypatch.setattr(Step, "packages", property(lambda _: upgraded))
    before = depending_on(computed, "numpy<99")
    ran = rerun(computed, before.runs)
    assert sum(len(one.done) for one in ran) == 7
    assert not any(one.failed for one in ran)
    again = rerun(computed, before.runs)
    assert sum(len(one.runs) for one in again) == 0


def test_what_was_made_anew_since_is_not_made_again(computed, monkeypatch):
    name = f"{SOURCE}_rates"
    before = depending_on(computed, "numpy")
    (first,) = [run for run in before.runs if name in run.outputs]
    run(computed, first.reference, on=f"name={SOURCE}", window_s=0.5)
    monkeypatch.setattr(Step, "packages", property(lambda _: {"numpy": "99.0", "python": "3.12"}))
    newest = computed[name].version
    ran = rerun(computed, before.runs)
    made = {output: done for one in ran for done in one.done for output in done.outputs}
    assert name not in made
    assert computed[name].version == newest
    assert made[f"{SOURCE}_rates.best"].inputs == {"rates": {name: newest}}


def test_drawings(computed):
    found = lineage(computed, [f"{SOURCE}_rates.best"])
    text = found.to_text().splitlines()
    assert text[0].startswith(f"{SOURCE}_rates.best@")
    assert text[1].startswith(f"  best(above_hz=0.0) ← {SOURCE}_rates@")
    assert text[2].startswith(f"    rates(window_s=0.25) ← {SOURCE}@")
    assert found.to_dot().count("->") == 4
    assert len(found.to_json()["runs"]) == 2


def test_unknown_assets(lake):
    with pytest.raises(NotFoundError):
        lineage(lake, ["nothing"])
