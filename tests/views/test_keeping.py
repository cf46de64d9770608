"""Views brought up to date: what is missing, changed or gone, and nothing else."""

from __future__ import annotations

import threading

import pytest
from tests.views.conftest import put

import panneuro
from panneuro.core.errors import ConflictError, InputError, NotFoundError
from panneuro.views import keeping
from panneuro.views.editions import Editions
from panneuro.views.keeping import Keeper
from panneuro.views.view import find_view


def test_only_what_changed_is_computed(lake, noted):
    for name in "abc":
        put(lake, name)
    viewed = panneuro.view(lake, str(noted.path))
    assert noted.looked_at() == ["a", "b", "c"]
    assert viewed.df["spikes"].tolist() == [3, 1] * 3
    assert panneuro.view(lake, str(noted.path)).edition == viewed.edition
    assert noted.looked_at() == []
    put(lake, "d", (5, 2))
    put(lake, "a", (7, 7))
    later = panneuro.view(lake, str(noted.path))
    assert noted.looked_at() == ["a", "d"]
    assert later.df.groupby("asset")["spikes"].sum().to_dict() == {"a": 14, "b": 4, "c": 4, "d": 7}
    assert later.edition.changes == {"made": 2}
    assert viewed.at(1).df["spikes"].tolist() == [3, 1] * 3


def test_what_goes_takes_its_rows_along(lake, noted):
    put(lake, "a")
    put(lake, "b")
    panneuro.view(lake, str(noted.path))
    lake.catalog.remove(["a"])
    viewed = panneuro.view(lake, str(noted.path))
    assert set(viewed.df["asset"]) == {"b"}
    assert viewed.edition.changes == {"gone": 1}
    assert noted.looked_at() == ["a", "b"]


def test_one_that_fails_stops_no_other_and_is_not_tried_in_vain(lake, noted):
    put(lake, "a")
    put(lake, "bad")
    viewed = panneuro.view(lake, str(noted.path))
    assert set(viewed.df["asset"]) == {"a"}
    assert viewed.failed["error"].tolist() == ["ValueError: no good"]
    noted.looked_at()
    panneuro.view(lake, str(noted.path))
    assert noted.looked_at() == []
    panneuro.view(lake, str(noted.path), again=True)
    assert noted.looked_at() == ["bad"]


def test_a_change_of_the_view_computes_all_of_it_again_and_says_why(lake, noted):
    put(lake, "a")
    first = panneuro.view(lake, str(noted.path))
    noted.looked_at()
    noted.change('"spikes": counts', '"spikes": 2 * counts')
    keeper = Keeper(lake, find_view(str(noted.path)), {})
    assert keeper.state().why == ("code",)
    assert not keeper.state().is_fresh
    later = panneuro.view(lake, str(noted.path))
    assert noted.looked_at() == ["a"]
    assert later.df["spikes"].tolist() == [6, 2]
    assert later.at(first.edition.number).df["spikes"].tolist() == [3, 1]


def test_a_comment_changes_nothing(lake, noted):
    put(lake, "a")
    panneuro.view(lake, str(noted.path))
    noted.looked_at()
    noted.change("counts = units.counts", "counts = units.counts  # all of them")
    assert Keeper(lake, find_view(str(noted.path)), {}).state().is_fresh


def test_parameters_make_tables_beside_each_other(lake, noted):
    put(lake, "a")
    assert len(panneuro.view(lake, str(noted.path))) == 2
    assert len(panneuro.view(lake, str(noted.path), least=2)) == 1
    assert len(panneuro.view(lake, str(noted.path), refresh=False)) == 2
    with pytest.raises(InputError, match="it has no parameter 'most'"):
        panneuro.view(lake, str(noted.path), most=2)


def test_two_who_refresh_at_once_agree(lake, noted):
    for number in range(6):
        put(lake, f"a{number}")
    barrier, done = threading.Barrier(3), []

    def refresh():
        barrier.wait()
        done.append(Keeper(lake, find_view(str(noted.path)), {}).refresh())

    threads = [threading.Thread(target=refresh) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 3
    viewed = panneuro.view(lake, str(noted.path))
    assert viewed.df.groupby("asset").size().to_dict() == {f"a{n}": 2 for n in range(6)}


def test_who_refreshes_another_version_of_it_is_told(lake, noted, monkeypatch):
    put(lake, "a")
    mine = Keeper(lake, find_view(str(noted.path)), {})
    noted.change('"spikes": counts', '"spikes": 2 * counts')
    theirs = Keeper(lake, find_view(str(noted.path)), {})
    put_ = Editions.put

    def meanwhile(self, edition, made):
        monkeypatch.setattr(Editions, "put", put_)
        theirs.refresh()
        return put_(self, edition, made)

    monkeypatch.setattr(Editions, "put", meanwhile)
    with pytest.raises(ConflictError, match="another version of it"):
        mine.refresh()


def test_interrupted_what_was_computed_stays(lake, noted, monkeypatch):
    monkeypatch.setattr(keeping, "_AT_ONCE", 2)
    for number in range(5):
        put(lake, f"a{number}")
    keeper = Keeper(lake, find_view(str(noted.path)), {})

    class Impatient:
        def start(self, *_):
            pass

        def advance(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keeper.refresh(progress=Impatient())
    assert len(noted.looked_at()) == 2
    assert len(keeper.state().todo) == 3
    keeper.refresh()
    assert len(noted.looked_at()) == 3


def test_processes_make_the_same(tmp_path, noted, monkeypatch):
    monkeypatch.setattr(keeping, "_AT_ONCE", 2)
    lake = panneuro.open(tmp_path / "lake", create=True)
    for number in range(4):
        put(lake, f"a{number}")
    there = panneuro.view(lake, str(noted.path), executor="processes", workers=2).df
    assert len(noted.looked_at()) == 4
    assert there.equals(panneuro.view(lake, str(noted.path), executor="inline", least=0).df)


def test_a_run_tells_of_a_refresh(lake, noted):
    made = put(lake, "a")
    viewed = panneuro.view(lake, str(noted.path))
    run = next(
        run for run in panneuro.open(lake.store.url).runs.find() if run.step == "view.spikes"
    )
    assert run.key == viewed.edition.run
    assert run.inputs == {"assets": {"a": made.version}}


def test_what_was_never_computed_is_not_read(lake, noted):
    with pytest.raises(NotFoundError, match="not computed yet"):
        panneuro.view(lake, str(noted.path), refresh=False)
