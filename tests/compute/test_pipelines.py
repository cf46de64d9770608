from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import panneuro
from panneuro.compute.pipelines import Pipeline, find_pipelines, stage
from panneuro.core.errors import InputError, NotFoundError


@panneuro.step(takes="units", gives=("counts", "n"))
def counted(units):
    """Count."""
    return units.counts.tolist(), len(units)


@panneuro.step(takes="counts", gives="total")
def total(counts) -> int:
    """Add up."""
    return sum(counts)


@panneuro.step(takes={"totals": "total"}, gives="all", gathers=True)
def summed(totals):
    """Add up over all."""
    return sum(totals.values())


@panneuro.step(takes={"whole": "all", "units": "units"}, gives="share")
def share(whole, units):
    """Divide what is there once by what each has."""


def test_what_is_taken_comes_from_the_nearest_step_before():
    doubled = stage(total, label="again", takes={"counts": "n"})
    pipeline = Pipeline("p", on="", steps=[counted, total, doubled, summed])
    assert pipeline.provider(0, "units") is None
    assert pipeline.provider(1, "counts") == 0
    assert pipeline.provider(3, "total") == 2
    assert pipeline.provider(3, "asset") is None
    assert [pipeline.once(at) for at in range(4)] == [False, False, False, True]


def test_pipelines_that_cannot_be():
    with pytest.raises(InputError, match="has steps none"):
        Pipeline("p", on="", steps=[])
    with pytest.raises(InputError, match="has steps total, total"):
        Pipeline("p", on="", steps=[total, total])
    with pytest.raises(InputError, match="of each asset and of all"):
        Pipeline("p", on="", steps=[counted, total, summed, share])


def said(lake, **pipelines):
    lake.settings = replace(lake.settings, pipelines=pipelines)
    return lake


def test_pipelines_of_lake_toml(lake, steps):
    table = {
        "on": "has:units",
        "steps": [
            f"{steps}:rates",
            {"step": f"{steps}:best", "parameters": {"above_hz": 1.0}, "as": "top"},
        ],
    }
    (pipeline,) = find_pipelines(said(lake, tuning=table))
    assert [one.label for one in pipeline.stages] == ["rates", "top"]
    assert pipeline.stages[1].given.parameters == {"above_hz": 1.0}
    (narrower,) = find_pipelines(said(lake, tuning=table), ["tuning"], on="subject=m0")
    assert narrower.on == "subject=m0"


def test_files_beside_the_lake(folder_lake, steps):
    folder = Path(urlsplit(folder_lake.store.url).path)
    (folder / "steps.py").write_text(steps.read_text())
    (found,) = find_pipelines(said(folder_lake, p={"steps": ["steps.py:rates"]}))
    assert found.stages[0].step.reference == f"{folder / 'steps.py'}:rates"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"on": "x"}, "it has no list of steps"),
        ({"steps": "x"}, "it has no list of steps"),
        ("text", "it has no list of steps"),
        ({"steps": [3]}, "3 names no step"),
        ({"steps": [{"parameters": {}}]}, "{'parameters': {}} names no step"),
        ({"steps": [{"step": "x", "stepp": "x"}]}, "'stepp' is not one of step, parameters"),
        ({"steps": [], "onn": "x"}, "'onn' is not known"),
    ],
)
def test_tables_that_cannot_be_read(lake, table, why):
    with pytest.raises(InputError) as refused:
        find_pipelines(said(lake, p=table))
    assert refused.value.message.startswith(f"reading lake.toml: [pipelines.p]: {why}")


def test_pipelines_of_files(lake, steps, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from panneuro.compute.pipelines import Pipeline\n"
        f"first = Pipeline('first', on='has:units', steps=['{steps}:rates'])\n"
        f"second = Pipeline('second', on='has:units', steps=['{steps}:noise'])\n"
    )
    assert [one.name for one in find_pipelines(lake, [str(file)])] == ["first", "second"]
    assert [one.name for one in find_pipelines(lake, [f"{file}:second"])] == ["second"]
    with pytest.raises(NotFoundError, match="has no pipeline 'third'"):
        find_pipelines(lake, [f"{file}:third"])
    with pytest.raises(NotFoundError, match="no pipeline 'none'"):
        find_pipelines(lake, ["none"])
    assert find_pipelines(lake) == []
