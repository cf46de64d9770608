from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

import panneuro
from panneuro.compute.planning import Given
from panneuro.compute.products import product
from panneuro.compute.running import Limits, plan, run
from panneuro.core.errors import InputError, LimitError, NotFoundError


def test_a_step_makes_assets_and_records(lake, steps):
    ran = run(lake, f"{steps}:rates", on="has:units")
    assert (len(ran.done), len(ran.failed), len(ran.skipped)) == (3, 0, 0)
    name = "ecephys_m0_2026-03-02_09-30-00_rates"
    asset = lake[name]
    assert asset["rates"].df.columns.tolist() == ["unit", "rate_hz"]
    assert asset.documents.subject.id == "m0"
    assert asset.documents.description.parents == ("ecephys_m0_2026-03-02_09-30-00",)
    (made,) = lake.runs.making(name)
    assert made.outputs == {name: asset.version} == {name: ran.outputs[name]}
    assert made.parameters == {"window_s": 0.25}
    assert {"numpy", "pandas", "python"} <= set(made.packages)
    assert made.input_bytes > 0
    assert made.bytes_read > 0
    assert made.bytes_written > 0
    assert made.peak_memory_bytes > 1 << 20
    assert float(made.cost) >= 0
    assert "def rates" in "".join(
        json.loads(lake.store.get(f"runs/code/{made.code[7:]}.json"))["sources"].values()
    )
    environment = json.loads(lake.store.get(f"runs/environments/{made.installed[7:]}.json"))
    assert environment["packages"]["numpy"]["version"] == made.packages["numpy"]


def test_the_same_is_never_run_twice(lake, steps):
    first = run(lake, f"{steps}:rates", on="has:units")
    again = run(lake, f"{steps}:rates", on="has:units")
    assert not again.runs
    assert again.outputs == first.outputs
    lake.reindex()
    assert run(lake, f"{steps}:rates", on="has:units").outputs == first.outputs


def test_what_was_lost_is_made_again(lake, steps):
    made = run(lake, f"{steps}:rates", on="has:units").outputs
    name, version = next(iter(made.items()))
    for found in list(lake.store.list(f"assets/{name}")):
        lake.store.delete(found.key)
    gone = [problem for problem in lake.check(repair=True).problems if problem.kind == "gone"]
    assert [problem.asset for problem in gone] == [f"{name}@{version}"]
    again = run(lake, f"{steps}:rates", on="has:units")
    assert [one.outputs for one in again.done] == [{name: version}]
    assert lake.check().problems == []


def test_what_changes_is_told_and_run(lake, steps):
    run(lake, f"{steps}:rates", on="has:units")
    planned = plan(lake, f"{steps}:rates", "subject=m1 has:units", Given({"window_s": "0.5"}))
    (reasons,) = planned.reasons.values()
    assert reasons == ("parameter window_s 0.25 → 0.5",)
    assert planned.projected.learnt_from == 3
    assert planned.projected.core_seconds >= 0
    name = "ecephys_m1_2026-03-02_09-30-00_rates"
    before = lake[name]
    run(lake, f"{steps}:rates", on="subject=m1 has:units", window_s=0.5)
    now = lake[name]
    assert now.version != before.version
    assert now.manifest.parent == before.version
    assert lake[f"{name}@{before.version}"]["rates"].df.equals(before["rates"].df)


def test_a_corrected_input_is_run_again(lake, steps):
    run(lake, f"{steps}:rates", on="has:units")
    lake.describe("ecephys_m1_2026-03-02_09-30-00", {"subject": {"sex": "female"}})
    planned = plan(lake, f"{steps}:rates", "has:units")
    assert [task.name for task in planned.tasks] == ["ecephys_m1_2026-03-02_09-30-00_rates"]
    ((reason,),) = planned.reasons.values()
    assert reason.startswith("input ecephys_m1_2026-03-02_09-30-00 ")


def test_equal_content_stays_the_same_version(lake, steps):
    run(lake, f"{steps}:rates", on="subject=m0 has:units")
    name = "ecephys_m0_2026-03-02_09-30-00_rates"
    first = run(lake, f"{steps}:best", on=f"name={name}")
    again = run(lake, f"{steps}:best", on=f"name={name}", above_hz=1e-9)
    assert len(again.done) == 1
    assert again.outputs == first.outputs
    folders = lake.store.folders(f"assets/{name}.best")
    assert len(folders) == 1


def test_one_bad_asset_never_stops_the_others(lake, steps):
    ran = run(lake, f"{steps}:fails_on_m1")
    assert len(ran.done) == 2
    (failed,) = ran.failed
    assert failed.error["message"] == "ValueError: not this one"
    assert "looking at ecephys_m1" in failed.log
    assert "raise ValueError" in failed.log
    assert len(run(lake, f"{steps}:fails_on_m1").failed) == 1
    assert len(lake.runs.find(status="failed")) == 2


def test_what_cannot_be_taken_is_skipped(lake, steps):
    ran = run(lake, f"{steps}:best")
    assert {one.why for one in ran.skipped} == {"it has no 'rates'"}
    assert not ran.runs


def test_a_low_band_of_another_name_is_taken_as_lfp(lake):
    @panneuro.step(takes="lfp", gives="probe_lf")
    def renamed(lfp):
        return replace(lfp, attributes={"band": "lf"})

    @panneuro.step(takes="lfp", gives="told")
    def told(lfp) -> str:
        return lfp.name

    run(lake, renamed, on="subject=m0 has:lfp")
    (done,) = run(lake, told, on="has:probe_lf").done
    assert done.takes == {"lfp": "probe_lf"}
    assert product(lake[next(iter(done.outputs))], "told") == "probe_lf"


def test_gathering_takes_all_at_once(lake, steps):
    run(lake, f"{steps}:rates", on="has:units")
    (one,) = run(lake, f"{steps}:average", on="has:rates").done
    assert len(one.inputs["tables"]) == 3
    ((name, version),) = one.outputs.items()
    found = product(lake[f"{name}@{version}"], "mean")
    assert len(found) == 3
    assert not run(lake, f"{steps}:average", on="has:rates").runs


def test_a_seed_is_part_of_what_names_a_run(lake, steps):
    first = run(lake, f"{steps}:noise", on="subject=m0", seed=1)
    second = run(lake, f"{steps}:noise", on="subject=m0", seed=2)
    (name,) = first.outputs
    assert first.outputs != second.outputs
    old, new = (product(lake[f"{name}@{ran.outputs[name]}"], "noise") for ran in (first, second))
    assert old.shape == (3,)
    assert not old.equals(new)


def test_labels_keep_results_beside_each_other(lake, steps):
    run(lake, f"{steps}:rates", on="subject=m0", label="wide", window_s=0.5)
    assert "ecephys_m0_2026-03-02_09-30-00_wide" in lake


def test_limits_are_held(lake, steps):
    with pytest.raises(LimitError, match="projected bytes"):
        run(lake, f"{steps}:rates", on="has:units", limits=Limits(max_bytes=10))
    assert len(lake.runs.find()) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": 1}, "it has no parameter 'window'"),
        ({"window_s": "wide"}, "window_s='wide': input should be a valid number"),
        ({"window_s": float("nan")}, "window_s=nan: input should be a finite number"),
        ({"takes": {"spikes": "units"}}, "takes no 'spikes'"),
        ({"executor": "slurm"}, "no executor 'slurm'"),
        ({"executor": "processes"}, "in the memory of this process alone"),
    ],
)
def test_what_cannot_be_run_is_refused(lake, steps, given, message):
    with pytest.raises(InputError, match=message):
        run(lake, f"{steps}:rates", on="has:units", **given)


def test_unknown_steps(lake, steps, tmp_path):
    with pytest.raises(NotFoundError, match="no step 'nothing'"):
        run(lake, f"{steps}:nothing")
    with pytest.raises(NotFoundError, match="has 7 steps"):
        run(lake, str(steps))
    with pytest.raises(NotFoundError, match="no file"):
        run(lake, str(tmp_path / "none.py"))
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        run(lake, str(broken))


def test_a_step_of_a_notebook_runs_here(lake):
    @panneuro.step(takes="units", gives="count")
    def count(units) -> pd.DataFrame:
        return pd.DataFrame({"n": [len(units)]})

    ran = run(lake, count, on="has:units")
    assert len(ran.done) == 3
    assert not run(lake, count, on="has:units").runs
