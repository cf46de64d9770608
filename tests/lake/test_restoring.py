from __future__ import annotations

import pytest

from panneuro.core.errors import InputError
from panneuro.core.manifest import KEY


def spoil(lake, manifest, chosen):
    """Flip a bit of every chosen object; return their keys."""
    keys = {manifest.key_of(file) for file in manifest.files if chosen(file.path)}
    for key in keys:
        data = bytearray(lake.store.get(key))
        data[len(data) // 2] ^= 16
        lake.store.put(key, bytes(data))
    return keys


def is_sample(path):
    return path.startswith("acquisition/ap/data/c/")


def objects(lake):
    return {found.key: lake.store.get(found.key) for found in lake.store.list("assets")}


@pytest.fixture
def added(lake, probe, said):
    return lake.add(probe, said=said).manifest


def test_samples_are_made_again_from_the_recording(lake, probe, added):
    whole = objects(lake)
    keys = spoil(lake, added, lambda path: is_sample(path) or path.startswith("original/"))
    assert len(keys) > 1
    left = lake.check(added.name, repair=True)
    assert {problem.key for problem in left.problems if not problem.repaired} == keys
    assert all("--source" in problem.message for problem in left.problems)
    report = lake.check(added.name, repair=True, source=probe)
    assert report.ok
    assert {problem.key for problem in report.problems if problem.repaired} == keys
    assert objects(lake) == whole
    assert lake.check().ok


def test_what_is_gone_is_made_again_under_any_choice_of_codecs(lake, probe, said):
    manifest = lake.add(probe, said=said, codecs=("zstd",)).manifest
    whole = objects(lake)
    for key in spoil(lake, manifest, is_sample):
        lake.store.delete(key)
    assert lake.check(manifest.name, repair=True, source=probe).ok
    assert objects(lake) == whole


def test_every_version_that_shares_an_object_is_whole_again(lake, probe, added):
    lake.describe(added.name, {"subject": {"sex": "female"}})
    whole = objects(lake)
    keys = spoil(lake, added, is_sample)
    report = lake.check(added.name, repair=True, source=str(probe))
    assert report.ok
    assert sorted(problem.key for problem in report.problems) == sorted([*keys, *keys])
    assert objects(lake) == whole


def test_another_recording_makes_nothing(lake, probe, added):
    spoil(lake, added, is_sample)
    before = objects(lake)
    (file,) = probe.glob("**/*.meta")
    file.write_text(file.read_text() + "userNotes=changed\n")
    with pytest.raises(InputError, match="is not what"):
        lake.check(added.name, repair=True, source=probe)
    assert objects(lake) == before


@pytest.mark.parametrize("options", [{}, {"repair": True}])
def test_a_recording_is_for_one_asset_that_is_repaired(lake, probe, added, options):
    names = () if options else (added.name,)
    with pytest.raises(InputError, match="one asset"):
        lake.check(*names, source=probe, **options)


def test_a_nwb_file_restores_its_asset(lake, session, said):
    manifest = lake.add(session.behaviour, said=said).manifest
    whole = objects(lake)
    spoil(lake, manifest, lambda path: not path.endswith(KEY))
    assert not lake.check(manifest.name).ok
    assert lake.check(manifest.name, repair=True, source=session.behaviour).ok
    assert objects(lake) == whole
