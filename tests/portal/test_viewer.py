"""What belongs together is chosen together, and images follow the cursor, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile
from pynwb.ecephys import ElectricalSeries
from pynwb.file import Subject
from test_journeys import browser, open_page, settled, until

import panneuro
from panneuro.portal.app import Hosting, make_app

__all__ = ["browser", "open_page"]

SAID = {
    "subject": {"id": "m1", "species": "mouse"},
    "acquisition": {"session_start": "2024-05-01T09:30:00+02:00"},
    "description": {
        "title": "Made up",
        "institution": "None",
        "lab": "None",
        "licence": "CC0-1.0",
        "modalities": ["ophys"],
    },
}
CHANNELS = 4


def write_probe(path):
    """Write a recording whose units are each at an electrode."""
    session = NWBFile(
        session_description="made up",
        identifier="m1",
        session_start_time=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    )
    session.subject = Subject(subject_id="m1", species="Mus musculus", sex="F", age="P90D")
    rng = np.random.default_rng(3)
    group = session.create_electrode_group("shank", "", "CA1", session.create_device("probe"))
    for at in range(CHANNELS):
        session.add_electrode(location="CA1", group=group, rel_x=0.0, rel_y=20.0 * at)
    region = session.create_electrode_table_region(list(range(CHANNELS)), "all")
    noise = rng.normal(0, 40, (9000, CHANNELS)).astype("int16")
    session.add_acquisition(
        ElectricalSeries(name="ap", data=noise, electrodes=region, rate=3000.0, conversion=1e-6)
    )
    for unit, site in enumerate((2, 0, 2)):
        session.add_unit(id=unit, spike_times=np.sort(rng.uniform(0, 3, 20)), electrodes=[site])
    with NWBHDF5IO(path, "w") as io:
        io.write(session)
    return path


def write_suite2p(place):
    """Write a plane of three square regions as suite2p does."""
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("F", "Fneu", "spks"):
        np.save(place / f"{name}.npy", rng.random((3, 200), dtype=np.float32))
    np.save(place / "iscell.npy", np.array([[1, 0.9], [0, 0.2], [1, 0.8]]))
    ops = {"fs": 10.0, "meanImg": rng.random((40, 50))}
    np.save(place / "ops.npy", np.array(ops, dtype=object), allow_pickle=True)
    y, x = (grid.ravel() for grid in np.mgrid[0:8, 0:8])
    stat = np.empty(3, dtype=object)
    stat[:] = [
        {"med": (at, at), "npix": 64, "xpix": x + at, "ypix": y + at, "lam": np.ones(64, "f4")}
        for at in (2, 14, 28)
    ]
    np.save(place / "stat.npy", stat, allow_pickle=True)
    return place


def write_video(path):
    """Write two seconds of frames that grow brighter, as browsers play them."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 160, "yuv420p"
        for number in range(50):
            level = np.full((160, 320, 3), 5 * number, dtype=np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(level, format="rgb24")))
        out.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer")
    lake = panneuro.open(folder / "lake", create=True)
    for name, path in {
        "probe": write_probe(folder / "probe.nwb"),
        "calcium": write_suite2p(folder / "plane0"),
        "film": write_video(folder / "film.webm"),
    }.items():
        lake.add(path, said=SAID, name=name)
    return lake


@pytest.fixture
def place(looked_at, running):
    with running(make_app(looked_at, Hosting())) as address:
        yield f"{address}/assets"


def chosen(page):
    """Return what is chosen in each panel that has something chosen."""
    return page.evaluate(
        """Object.fromEntries(document.querySelector('.viewer').viewer.panels
        .filter((panel) => panel.chosen !== undefined).map((one) => [one.name, one.chosen]))"""
    )


def test_a_unit_its_electrode_and_its_trace(open_page, place):
    page = open_page(place)
    page.goto(f"{place}/probe?unit=1")
    settled(page)
    assert chosen(page) == {"units": 1, "ap": 0}
    assert page.locator(".probe rect.chosen").get_attribute("data-row") == "0"
    assert page.locator(".to-unit").inner_text() == "open unit 1"
    page.click(".probe rect[data-row='2']")
    assert chosen(page) == {"ap": 2}
    near = "[...document.querySelector('.viewer').viewer.panels.find((p) => p.sites).near]"
    assert page.evaluate(near) == [0, 2]
    assert page.locator(".to-unit").is_hidden()
    until(page, "location.search.includes('channel=')")
    page.reload()
    settled(page)
    assert chosen(page) == {"ap": 2}


def test_rows_are_chosen_by_keys(open_page, place):
    page = open_page(place)
    page.goto(f"{place}/probe")
    settled(page)
    page.focus(".viewer")
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert chosen(page) == {"ap": 1}
    page.keyboard.press("p")
    page.keyboard.press("p")
    assert chosen(page) == {"ap": CHANNELS - 1}
    page.keyboard.press("Escape")
    assert chosen(page) == {}
    assert page.locator(".probe rect.chosen").count() == 0


def test_what_is_shown_is_said(open_page, place):
    page = open_page(place)
    page.goto(f"{place}/probe?t0=1&t1=2&unit=2")
    settled(page)
    until(page, "document.querySelectorAll('.panel canvas[aria-label]').length === 2")
    said = page.locator(".panel canvas").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    assert said[0] == "ap: 4 traces in volts, 1.00 s to 2.00 s; 2 is chosen"
    assert said[1] == "units: events of 3 units, 1.00 s to 2.00 s; 2 is chosen"


def test_a_region_and_its_traces(open_page, place):
    page = open_page(place)
    page.goto(f"{place}/calcium")
    settled(page)
    assert page.locator("svg[data-rois] path").count() == 3
    assert page.locator("svg[data-rois] path.other").count() == 1
    loaded = "document.querySelector('.regions img').naturalWidth > 0"
    until(page, loaded)
    page.locator("svg[data-rois] path[data-row='2']").click()
    assert chosen(page) == dict.fromkeys(("fluorescence", "neuropil", "deconvolved"), 2)
    until(page, "location.search.includes('roi=2')")
    page.locator(".panel.lines canvas").first.click(position={"x": 400, "y": 10})
    assert set(chosen(page).values()) == {0}
    assert page.locator("svg[data-rois] path.chosen").get_attribute("data-row") == "0"


def test_the_frame_under_the_cursor_is_shown(open_page, place):
    page = open_page(place)
    page.goto(f"{place}/film")
    page.wait_for_selector(".side video")
    box = page.locator(".map").bounding_box()
    for part, level in ((0.9, 225), (0.3, 75)):
        page.mouse.move(box["x"] + part * box["width"], box["y"] + 5)
        shown = f"Math.abs(({GREY})(document.querySelector('.side video')) - {level}) < 25"
        until(page, shown)


def test_videos_are_sent_in_ranges(place):
    answer = httpx.get(f"{place}/film/signals/film/video", headers={"range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"\x1aE\xdf\xa3")
    assert answer.headers["content-type"] == "video/webm"
    assert answer.headers["content-security-policy"].startswith("sandbox")


GREY = """(video) => {
  const canvas = document.createElement('canvas');
  const ctx = canvas.getContext('2d');
  ctx.drawImage(video, 0, 0, 1, 1);
  return video.seeking ? -1 : ctx.getImageData(0, 0, 1, 1).data[0];
}"""


def test_without_scripts_the_images_are_there(open_page, place):
    page = open_page(place, java_script_enabled=False)
    for name in ("film", "calcium"):
        page.goto(f"{place}/{name}")
        assert page.locator(".stills img.photo").first.evaluate("(one) => one.naturalWidth") > 0
