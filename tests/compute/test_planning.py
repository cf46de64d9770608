from __future__ import annotations

from dataclasses import replace

import pytest

import panneuro
from panneuro.compute.planning import Given, Planner, Source, derived_name, each
from panneuro.core.entry import Entry
from panneuro.core.run import Run

SOURCE = Source("m1", "0" * 12, ("imec0.lf", "imec1.lf", "imec0.ap", "units"), 1000)


@panneuro.step(takes={"lfp": "*.lf"}, gives="power")
def power(lfp, seed: int, width_s: float = 1.0):
    """Estimate."""


@panneuro.step(takes=("units", "trials"), gives="rates", gathers=True)
def rates(units, trials):
    """Count."""


def sources(source, slot="lfp"):
    return {slot: {source.name: source}}


def test_a_pattern_must_mean_one_signal(lake):
    two = Planner(lake, power, Given()).task("m1_power", sources(SOURCE))
    assert two.why == "2 signals match '*.lf': imec0.lf, imec1.lf; --take chooses one"
    chosen = Planner(lake, power, Given(takes={"lfp": "imec1.lf"}))
    assert chosen.task("m1_power", sources(SOURCE)).run.takes == {"lfp": "imec1.lf"}
    none = replace(SOURCE, has=("units",))
    assert chosen.task("m1_power", sources(none)).why == "it has no 'imec1.lf'"


def test_a_word_stands_for_the_signals_that_it_describes(lake):
    planner = Planner(lake, power, Given(takes={"lfp": "lfp"}))
    one = replace(SOURCE, has=("lfp", "low", "units"), words={"lfp": ["low"]})
    assert planner.task("m1_power", sources(one)).run.takes == {"lfp": "low"}
    two = replace(SOURCE, words={"lfp": ["imec0.lf", "imec1.lf"]})
    assert planner.task("m1_power", sources(two)).why.startswith("2 signals match 'lfp'")
    named = replace(SOURCE, has=("lfp", "low"))
    assert planner.task("m1_power", sources(named)).run.takes == {"lfp": "lfp"}
    wild = Planner(lake, power, Given(takes={"lfp": "*l*"}))
    assert wild.task("m1_power", sources(one)).run.takes == {"lfp": "low"}


def test_keys_follow_from_all_that_matters(lake):
    one = replace(SOURCE, has=("a.lf",))

    def key(source=one, **given):
        return Planner(lake, power, Given(**given)).task("m1_power", sources(source)).run.key

    assert key() == key(parameters={"width_s": "1"}, label="other")
    different = {
        key(),
        key(seed=1),
        key(parameters={"width_s": 2.0}),
        key(replace(one, version="1" * 12)),
        key(replace(one, has=("b.lf",))),
    }
    assert len(different) == 5


def test_what_runs_would_need_is_learnt_from_past_runs(lake):
    one = replace(SOURCE, has=("a.lf",), size_bytes=2000)
    past = Run(
        "0a",
        "power",
        {},
        {},
        core_seconds=3.0,
        peak_memory_bytes=500,
        bytes_written=10,
        input_bytes=1000,
    )
    plan = Planner(lake, power, Given()).plan([("m1_power", sources(one))])
    assert (plan.projected.learnt_from, plan.projected.memory_bytes) == (0, None)
    lake.runs.add([("runs/2026-03/0a.json", past)])
    projected = Planner(lake, power, Given()).plan([("m1_power", sources(one))]).projected
    assert projected.core_seconds == pytest.approx(6.0)
    assert projected.written_bytes == 20
    assert projected.memory_bytes == 500
    assert float(projected.cost) == pytest.approx(6 / 3600 * 0.0425, rel=0.01)


def test_gathering_takes_what_has_all_of_it(lake):
    def entry(name, *has):
        return Entry(name, "1", "2026-03-02", "sha256:0", {"has": has})

    found = [entry("a", "units", "trials"), entry("b", "units"), entry("c", "trials", "units")]
    ((name, taken),) = each(lake, rates, found, "rates")
    assert name == "rates"
    assert list(taken["units"]) == list(taken["trials"]) == ["a", "c"]
    assert list(each(lake, rates, found[1:2], "rates")) == []


def test_names_stay_short_enough_to_be_keys():
    name = "ecephys_m1_2026-03-02_09-30-00"
    for _ in range(99):
        name = derived_name(name, "a-step-of-some-length")
    assert len(name) <= 200
    assert derived_name(name + "1" * 99, "x") != derived_name(name + "2" * 99, "x")
