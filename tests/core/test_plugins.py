from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from panneuro.core import plugins
from panneuro.core.errors import InputError, NotFoundError, PanneuroError

GROUP = "panneuro.tests"


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    found = {
        "good": EntryPoint("good", "json:loads", GROUP),
        "gone": EntryPoint("gone", "no_such_module", GROUP),
        "empty": EntryPoint("empty", "json:nothing", GROUP),
    }
    monkeypatch.setattr(plugins, "_registered", lambda group: found if group == GROUP else {})


def test_names_are_sorted_and_nothing_is_imported():
    assert plugins.names(GROUP) == ("empty", "gone", "good")
    assert plugins.names("panneuro.others") == ()


def test_one_is_loaded_by_name():
    assert plugins.load(GROUP, "good")("1") == 1


def test_one_that_there_is_not():
    with pytest.raises(NotFoundError, match="known: empty, gone, good"):
        plugins.load(GROUP, "other")


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_one_that_cannot_be_imported(name):
    with pytest.raises(PanneuroError, match=f"the plug-in '{name}'"):
        plugins.load(GROUP, name)


def test_one_that_refuses_for_a_reason_of_ours(monkeypatch):
    class Refusing:
        value = "x"

        def load(self):
            raise InputError("not on this machine")

    monkeypatch.setattr(plugins, "_registered", lambda _: {"refusing": Refusing()})
    with pytest.raises(InputError, match="not on this machine"):
        plugins.load(GROUP, "refusing")


def test_the_formats_are_registered_and_load(monkeypatch):
    monkeypatch.undo()
    names = plugins.names("panneuro.formats")
    assert {"spikeglx", "nwb", "openephys", "phy"} <= set(names)
    for name in ("spikeglx", "nwb", "arrays"):
        assert callable(plugins.load("panneuro.formats", name).sniff)
