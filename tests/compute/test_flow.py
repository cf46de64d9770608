from __future__ import annotations

import pytest

from panneuro.compute.flow import Flow, up
from panneuro.compute.pipelines import Pipeline, stage
from panneuro.compute.products import product
from panneuro.compute.running import Limits
from panneuro.core.errors import LimitError
from panneuro.lake.deriving import Derived, derive


@pytest.fixture
def pipeline(steps):
    """Return what makes a pipeline of three steps."""

    def make(window_s=0.25, above_hz=0.0):
        return Pipeline(
            "tuning",
            on="has:units",
            steps=[
                stage(f"{steps}:rates", window_s=window_s),
                stage(f"{steps}:best", above_hz=above_hz),
                f"{steps}:average",
            ],
        )

    return make


def counts(ran):
    return [len(one.done) for one in ran["tuning"]]


def test_what_is_missing_is_run_in_order(lake, pipeline):
    flow = Flow(lake, pipeline())
    assert len(flow.start()) == 3
    assert len(flow) == 7
    assert flow.waiting_for() == {"best": 3, "average": 1}
    assert counts(up(lake, pipeline())) == [3, 3, 1]
    mean = product(lake["tuning.average"], "mean")
    assert sorted(mean) == [f"ecephys_m{n}_2026-03-02_09-30-00_rates" for n in range(3)]


def test_nothing_is_run_twice(lake, pipeline):
    first = up(lake, pipeline())["tuning"]
    again = up(lake, pipeline())
    assert counts(again) == [0, 0, 0]
    assert [one.outputs for one in again["tuning"]] == [one.outputs for one in first]


def test_a_change_reruns_exactly_what_it_affects(lake, pipeline):
    up(lake, pipeline())
    assert counts(up(lake, pipeline(above_hz=1e9))) == [0, 3, 0]
    flow = Flow(lake, pipeline(window_s=0.5, above_hz=1e9))
    flow.start()
    assert set(flow.plans()[0].reasons.values()) == {("parameter window_s 0.25 → 0.5",)}
    ran = up(lake, pipeline(window_s=0.5, above_hz=1e9))
    assert counts(ran) == [3, 3, 1]
    assert counts(up(lake, pipeline(window_s=0.5, above_hz=1e9))) == [0, 0, 0]


def test_a_new_asset_is_all_that_is_run(lake, pipeline):
    up(lake, pipeline())
    old = lake["ecephys_m0_2026-03-02_09-30-00"]
    documents = old.documents.replacing(
        description=old.documents.description.model_copy(update={"name": "ecephys_new"})
    )
    derive(lake.store, Derived(documents, "new", tuple(old[name] for name in old)))
    lake.reindex()
    ran = up(lake, pipeline())
    assert counts(ran) == [1, 1, 1]
    (gathered,) = ran["tuning"][2].done
    assert len(gathered.inputs["tables"]) == 4


def test_what_follows_a_failure_is_skipped_and_others_go_on(lake, steps, tmp_path):
    file = tmp_path / "follows.py"
    file.write_text(
        "import panneuro\n"
        "@panneuro.step(takes='count', gives='double')\n"
        "def double(count) -> int:\n"
        "    return 2 * count\n"
    )
    pipeline = Pipeline("tuning", on="", steps=[f"{steps}:fails_on_m1", f"{file}:double"])
    ran = up(lake, pipeline)["tuning"]
    assert [(len(one.done), len(one.failed), len(one.skipped)) for one in ran] == [
        (2, 1, 0),
        (2, 0, 1),
    ]


def test_limits_hold_before_anything_is_run(lake, pipeline):
    with pytest.raises(LimitError):
        up(lake, pipeline(), limits=Limits(max_bytes=1))
    assert len(lake.runs.find()) == 0
