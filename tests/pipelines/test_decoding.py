from __future__ import annotations

import pytest

from panneuro.compute.products import product
from panneuro.compute.running import run
from panneuro.testing.sessions import AREAS, make_session


@pytest.fixture
def session(add, tmp_path):
    """Return the name of a session whose units prefer one orientation each, in all areas alike."""
    return add(make_session(tmp_path / "rig", seconds=60, n_channels=4, n_units=24).sorted)


def test_every_area_tells_the_orientation(session, result):
    asset = result("decode-areas", session, n_permutations=50)
    areas = asset["areas"].df
    assert set(areas.area) == set(AREAS)
    assert (areas.n_units == 6).all()
    assert (areas.matched_units == 5).all()
    assert (areas.accuracy > 0.35).all()
    assert (areas.p_holm < 0.1).all()
    assert areas.chance.to_numpy() == pytest.approx(0.25, abs=0.05)
    course = product(asset, "over_time")
    before, after = course.time < 0, course.time > 0.1
    assert course.accuracy[:, after].mean() > course.accuracy[:, before].mean() + 0.1
    assert len(asset["draws"].df) == 80
    assert asset.read_file("figures/figure.png").startswith(b"\x89PNG")


def test_what_was_drawn_at_random_is_not_told(session, result):
    areas = result("decode-areas", session, condition="correct", n_permutations=50)["areas"].df
    assert (areas.p_holm > 0.05).all()


def test_the_same_seed_decides_the_same(session, lake):
    first = run(lake, "decode-areas", on=lake[session], seed=3, n_permutations=5, label="one")
    second = run(lake, "decode-areas", on=lake[session], seed=3, n_permutations=5, label="two")
    a, b = (lake[name]["draws"].df for name in (*first.outputs, *second.outputs))
    assert a.equals(b)


def test_what_cannot_be_decoded_is_told(session, lake):
    (failed,) = run(lake, "decode-areas", on=lake[session], min_units=7).failed
    assert "no area has 7 units" in failed.error["message"]
    (failed,) = run(lake, "decode-areas", on=lake[session], n_folds=60).failed
    assert "0 were shown in 60 trials" in failed.error["message"]


def test_left_and_right_from_real_thalamus(add, result, sample_data):
    """Four units of mouse thalamus tell which side it will lick, above chance after the cue."""
    name = add(sample_data / "nwb" / "sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb")
    asset = result(
        "decode-areas", name, condition="type", stop_s=4.0, bin_s=0.25, n_permutations=50
    )
    areas = asset["areas"].df
    assert areas.n_trials.tolist() == [412]
    assert areas.accuracy[0] > areas.chance[0] + 0.1
    assert areas.p[0] < 0.05
