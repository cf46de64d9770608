from __future__ import annotations

from dataclasses import replace

import pytest

from panneuro.compute.reasons import differences
from panneuro.core.run import Run

BEFORE = Run(
    "0a",
    "tune",
    {"window_s": 0.25, "kind": "mean"},
    {"units": {"m1": "1"}},
    code="sha256:1",
    packages={"numpy": "2.1"},
    seed=1,
    takes={"units": "units"},
)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ()),
        ({"parameters": {"window_s": 0.5, "kind": "mean"}}, ("parameter window_s 0.25 → 0.5",)),
        ({"parameters": {"window_s": 0.25}}, ("parameter kind mean → none",)),
        ({"packages": {"numpy": "2.2"}}, ("package numpy 2.1 → 2.2",)),
        ({"seed": 2}, ("seed 1 → 2",)),
        ({"takes": {"units": "sorted"}}, ("signal for units units → sorted",)),
        ({"inputs": {"units": {"m1": "2"}}}, ("input m1 1 → 2",)),
        ({"inputs": {"units": {"m1": "1", "m2": "1"}}}, ("input m2 none → 1",)),
        ({"code": "sha256:2"}, ("code of tune",)),
        ({"code": "sha256:2", "seed": 2}, ("seed 1 → 2", "code of tune")),
    ],
)
def test_what_differs_is_told(change, told):
    assert differences(BEFORE, replace(BEFORE, **change)) == told
