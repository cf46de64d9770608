from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panneuro.compute.products import product
from panneuro.compute.running import run
from panneuro.compute.step import find_step

STEPS = Path(__file__).with_name("external_steps.py")
NAME = "ecephys_m0_2026-03-02_09-30-00"


def test_a_program_is_a_step(lake):
    ran = run(lake, f"{STEPS}:late", on="subject=m0", after_s=2.5)
    assert len(ran.done) == 1, ran.failed
    asset = lake[f"{NAME}_late"]
    times = np.asarray(lake[NAME].units.times[:])
    assert product(asset, "count") == (times > 2.5).sum()
    assert len(asset["spikes"]) == (times > 2.5).sum()
    (done,) = ran.done
    assert "spikes" in done.log
    assert done.parameters == {"after_s": 2.5}
    assert not run(lake, f"{STEPS}:late", on="subject=m0", after_s=2.5).runs


def test_its_code_is_its_line_and_its_files():
    step = find_step(f"{STEPS}:late")
    assert any("knows nothing of panneuro" in text for text in step.code.files.values())
    assert step.code.digest == find_step(f"{STEPS}:late").code.digest
    assert step.code.digest != find_step(f"{STEPS}:unfilled").code.digest


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("late", {"after_s": -1.0}, "ended with status 1"),
        ("missing", {}, "cannot be run"),
        ("unfilled", {}, "cannot be filled in"),
    ],
)
def test_programs_that_fail(lake, name, given, message):
    (failed,) = run(lake, f"{STEPS}:{name}", on="subject=m0", **given).failed
    assert message in failed.error["message"]


def test_a_notebook_is_a_step(lake):
    ran = run(lake, f"{STEPS}:counted", on="subject=m0", k=3)
    assert len(ran.done) == 1, ran.failed
    asset = lake[f"{NAME}_counted"]
    times = lake[NAME].units.times
    assert product(asset, "n") == 3 * times.shape[0]
    kept = product(asset, "notebook")["external.ipynb"].decode()
    assert "k = 3" in kept
    assert "start_time" not in kept
