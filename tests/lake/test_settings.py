from __future__ import annotations

import uuid

import pytest

import panneuro
from panneuro.access.actors import ANONYMOUS
from panneuro.core.errors import InputError, NotFoundError
from panneuro.lake.settings import KEY, load, make
from panneuro.storage.stores import open_store


@pytest.fixture
def store():
    return open_store(f"memory://{uuid.uuid4()}")


def test_a_new_lake_has_an_id_of_its_own_and_keeps_it(store):
    with pytest.raises(NotFoundError, match="no lake"):
        load(store)
    made = make(store)
    assert make(store) == load(store) == made
    assert uuid.UUID(made.id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "layout = 1",
        "layout = [",
        "layout = 1\nid = 3",
        'layout = 1\nid = "a"\nbudgets = 5',
        'layout = 1\nid = "a"\naccess = "x"',
        'layout = 1\nid = "a"\nlifecycle = 5',
        'layout = 1\nid = "a"\nnonsense = 3',
        "\xff",
        "id = 'a'",
    ],
)
def test_settings_that_cannot_be_read(store, text):
    store.put(KEY, text.encode("latin-1"))
    with pytest.raises(InputError, match=r"lake\.toml"):
        load(store)


def test_a_layout_of_the_future_is_refused(store):
    store.put(KEY, b'layout = 2\nid = "a"')
    with pytest.raises(InputError, match="pip install --upgrade"):
        load(store)


def test_defaults_are_said_of_every_recording(store, made_up, said):
    make(store)
    text = store.get(KEY).decode()
    store.put(KEY, f'{text}\n[defaults.description]\nlab = "Jones lab"\n'.encode())
    without = {**said, "description": {**said["description"]}}
    del without["description"]["lab"]
    lake = panneuro.open(store.url)
    name = lake.add(made_up.use(), said=without).manifest.name
    assert lake[name].documents.description.lab.label == "Jones lab"


@pytest.mark.parametrize("said", ['policies = "passed"', "policies = [3]", "police = []"])
def test_a_slip_in_who_may_what_opens_nothing(store, said):
    store.put(KEY, f'layout = 1\nid = "a"\n[access]\n{said}'.encode())
    lake = panneuro.open(store.url)
    with pytest.raises(InputError, match="access"):
        lake.as_(ANONYMOUS)
    store.put(KEY, b'layout = 1\nid = "a"\n[access]\npolicies = ["nothing has this name"]')
    with pytest.raises(NotFoundError, match="nothing has this name"):
        panneuro.open(store.url).as_(ANONYMOUS)
