"""Notebooks open what is on the screen: they are executed."""

from __future__ import annotations

import re
import shutil
from html import unescape
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest

import panneuro
from panneuro.core.errors import InputError
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.notebooks import Notebooks

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def execute(client):
    """Return what executes the notebook of a page, and gives what its cells showed."""
    from nbclient import NotebookClient

    def executed(page, client=client):
        text = client.get(page, headers=HTML).text
        place = unescape(re.search(r'href="(/notebook\?[^"]+)"', text)[1])
        answer = client.get(place)
        assert answer.status_code == 200, answer.text
        assert "ipynb" in answer.headers["content-disposition"]
        book = nbformat.reads(answer.text, as_version=4)
        nbformat.validate(book)
        NotebookClient(book, timeout=120, kernel_name="python3").execute()
        return book, [out for cell in book.cells for out in cell.get("outputs", ())]

    return executed


def test_an_asset_is_opened_and_drawn(execute, name):
    book, shown = execute(f"/assets/{name}?t0=1&t1=2")
    source = "\n".join(cell.source for cell in book.cells)
    assert f'asset = lake["{name}@' in source
    assert "start_s, stop_s = 1.0, 2.0" in source
    assert sum("image/png" in out.get("data", {}) for out in shown) == 4
    assert any("orientation" in out.get("data", {}).get("text/html", "") for out in shown)


def test_a_unit_is_opened_with_the_same_charts(execute, name):
    _, shown = execute(f"/assets/{name}/signals/units/units/103?around=trials&by=correct")
    assert sum("image/png" in out.get("data", {}) for out in shown) == 2


def test_a_search_is_opened(execute):
    _, shown = execute("/assets?q=project%3Dgratings")
    assert "mouse-7" in str(shown[-1]["data"])
    assert "mouse-8" not in str(shown[-1]["data"])


def test_a_view_is_opened(execute, lake, visit, tmp_path):
    copied = shutil.copytree(urlsplit(lake.store.url).path, tmp_path / "lake")
    copy = panneuro.open(copied)
    assert len(panneuro.view(copy, "unit-yield")) == 2
    _, shown = execute("/views/unit-yield", visit(make_app(copy, Hosting())))
    assert "mouse-7" in shown[-1]["data"]["text/html"]


def test_what_is_asked_is_text_and_never_code(client):
    evil = '"]; import os #\n'
    said = {
        "asset": evil,
        "unit": "٣",
        "signal": evil,
        "numbered": "true",
        "around": evil,
        "by": evil,
    }
    book = nbformat.reads(client.get("/notebook", params=said).text, as_version=4)
    for cell in book.cells[1:]:
        compile(cell.source, "cell", "exec")
        names = [line for line in cell.source.splitlines() if line.startswith("import os")]
        assert names == []
    assert "\n" not in book.cells[0].source.split("\n\n")[0]


def test_it_is_the_same_whether_there_is_such_an_asset(shared, described):
    place = f"/notebook?asset={described}"
    hidden, seen = shared.client.get(place), shared.person("owner@uni.edu").get(place)
    assert hidden.text == seen.text
    assert hidden.headers["access-control-allow-origin"] == "*"


def test_it_is_opened_where_the_lake_says(visit, tmp_path):
    place = tmp_path / "lake"
    panneuro.open(place, create=True)
    with (place / "lake.toml").open("a") as file:
        file.write('[notebooks]\nopen = "https://hub.example/lab?fromURL={url}"\n')
    client = visit(make_app(panneuro.open(place), Hosting()))
    link = re.search(
        r'href="([^"]+)">open in Jupyter<', client.get("/assets?q=a%2Fb", headers=HTML).text
    )
    answer = client.get(unescape(link[1]), follow_redirects=False)
    assert answer.status_code == 307
    hub = urlsplit(answer.headers["location"])
    assert (hub.scheme, hub.netloc, hub.path) == ("https", "hub.example", "/lab")
    (fetched,) = parse_qs(hub.query)["fromURL"]
    assert fetched.rpartition("/")[2] == "search.ipynb"
    assert "a b" in client.get(fetched).text


def test_where_the_lake_says_nothing_it_is_sent(client):
    answer = client.get("/notebook?open=true", follow_redirects=False)
    assert answer.headers["content-type"] == "application/x-ipynb+json"


@pytest.mark.parametrize("said", [{"open": "hub"}, {"open": "https://hub.example"}, {"shut": "x"}])
def test_an_address_that_leads_nowhere_is_refused(said):
    with pytest.raises(InputError, match="notebooks"):
        Notebooks(said)
