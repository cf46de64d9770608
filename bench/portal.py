"""The portal: first paint, pan and zoom in a browser, and many readers at once.

    python bench/portal.py [--minutes 10] [--views 10000] [--data FOLDER]

A recording of 32 channels at 30 kHz is added to a lake in a temporary folder and served; Chromium
and 50 readers at once look at it. Beside the server's window stands the same reduction by NumPy of
the raw file: what there is without a pyramid. Two hours take 14 GB for the recording and 5 GB for
the lake; in a folder of one's own both are kept for the next time, as ``hour.bin`` and ``lake``.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import numpy as np

import panneuro
from glimpse import RATE_HZ, SAID, write

CHANNELS, READERS = 32, 50
ASKED = "GET {place} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\naccept-encoding: gzip\r\n\r\n"
"""What readers send. A client that took as long as the server would measure itself."""

_LARGEST = 1 << 20
LONGEST_PLAIN = 8.0
"""Minutes of raw file that NumPy is given to reduce: of hours it would take minutes."""

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
RUN = "from panneuro.cli import main; main()"


def percentiles(spent: list[float]) -> str:
    found = np.percentile(spent, [50, 99])
    return f"median {found[0] * 1e3:7.1f} ms   p99 {found[1] * 1e3:7.1f} ms   n {len(spent)}"


def windows_of(minutes: float, count: int) -> list[tuple[float, float]]:
    """Return windows from the whole session down to 50 ms, anywhere."""
    draw = random.Random(1)
    whole = minutes * 60
    lengths = np.geomspace(0.05, whole, count)
    starts = [draw.uniform(0, whole - length) for length in lengths]
    return [(start, start + length) for start, length in zip(starts, lengths, strict=True)]


def server(lake: Path) -> tuple[subprocess.Popen[str], str]:
    line = [sys.executable, "-c", RUN, "serve", "--lake", str(lake), "--port", "0", "--json"]
    serving = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    return serving, json.loads(serving.stdout.readline())["url"]


def resident_mb(serving: subprocess.Popen[str]) -> float:
    status = Path(f"/proc/{serving.pid}/status").read_text()
    return float(status.split("VmRSS:")[1].split()[0]) / 1e3


def timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure_windows(origin: str, signal: str, raw: Path, minutes: float) -> None:
    """Compare a window by the server with a reduction of the raw samples, up to some minutes."""
    samples = np.memmap(raw, "int16").reshape(-1, CHANNELS)
    ours, plain = [], []
    with httpx.Client(base_url=origin) as client:
        for start, stop in windows_of(min(minutes, LONGEST_PLAIN), 24):
            asked = {"t0": start, "t1": stop, "px": 1024, "format": "binary", "dtype": "int16"}
            ask = lambda: client.get(signal, params=asked)  # noqa: B023,E731
            ours.append(timed(ask))
            rows = slice(int(start * RATE_HZ), int(stop * RATE_HZ))
            plain.append(timed(lambda: reduce_plainly(samples[rows])))  # noqa: B023
    print(f"window over HTTP            {percentiles(ours)}")
    print(f"the same by NumPy, raw file {percentiles(plain)}")


def reduce_plainly(samples: Any) -> Any:
    edges = np.linspace(0, len(samples), min(1024, len(samples)), endpoint=False).astype(int)
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def measure_browser(origin: str, name: str, minutes: float) -> None:
    """Measure first paint, and fetch to paint of windows that no cache holds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        firsts, painted, spent = [], [], []
        for _ in range(5):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"{origin}/assets/{name}")
            page.wait_for_selector(".viewer[data-state=painted]")
            painted.append(time.perf_counter() - began)
            entries = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            firsts.append(page.evaluate(entries) / 1e3)
            context.close()
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{origin}/assets/{name}")
        page.wait_for_selector(".viewer[data-state=painted]")
        page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        steps = []
        for start, stop in windows_of(minutes, 40):
            page.wait_for_load_state("networkidle")
            spent.append(page.evaluate(JUMP, [start, stop]) / 1e3)
            for key in ("right", "in", "right", "out", "left"):
                page.wait_for_load_state("networkidle")
                steps.append(page.evaluate(STEP, key) / 1e3)
        browser.close()
    print(f"first contentful paint      {percentiles(firsts)}")
    print(f"navigation to traces        {percentiles(painted)}")
    print(f"jump, fetch to paint        {percentiles(spent)}")
    print(f"pan and zoom, key to paint  {percentiles(steps)}")


STEP = """async (what) => {
  const viewer = document.querySelector('.viewer').viewer;
  const began = performance.now();
  const done = new Promise((tell) => viewer.root.addEventListener('painted', tell, {once: true}));
  viewer.act(what);
  await done;
  return performance.now() - began;
}"""

JUMP = """async ([start, stop]) => {
  const viewer = document.querySelector('.viewer').viewer;
  const kept = viewer.tiles.address(viewer.panels[0], viewer.first, viewer.last, 512);
  const overview = viewer.tiles.held.get(kept);
  viewer.tiles.held = new Map(overview ? [[kept, overview]] : []);
  viewer.tiles.bytes = 0;
  const began = performance.now();
  const done = new Promise((tell) => viewer.root.addEventListener('painted', tell, {once: true}));
  viewer.lookAt(start, stop);
  await done;
  return performance.now() - began;
}"""


async def read_much(
    origin: str, places: tuple[str, str], minutes: float, views: int
) -> tuple[list[float], int]:
    """Have 50 readers look at pages and windows, and return times and failures."""
    draw, spent, failed = random.Random(2), [], 0
    left = iter(range(views))

    def place() -> str:
        start = draw.uniform(0, minutes * 60 - 10)
        window = f"{places[1]}?t0={start}&t1={start + 10}&px=512&format=binary"
        return draw.choice([window, window, "/assets", f"/assets/{places[0]}"])

    async def reader() -> None:
        nonlocal failed
        host = origin.removeprefix("http://")
        answers, asking = await asyncio.open_connection(*host.split(":"), limit=_LARGEST)
        for _ in left:
            began = time.perf_counter()
            asking.write(ASKED.format(place=place(), host=host).encode())
            failed += not await is_answered(answers)
            spent.append(time.perf_counter() - began)
        asking.close()
        await asking.wait_closed()

    await asyncio.gather(*(reader() for _ in range(READERS)))
    return spent, failed


async def is_answered(answers: asyncio.StreamReader) -> bool:
    """Read an answer to its end, and say whether it is what was asked for."""
    head = (await answers.readuntil(b"\r\n\r\n")).decode().lower()
    await answers.readexactly(int(head.partition("content-length: ")[2].split()[0]))
    return head.startswith("http/1.1 200")


def measure_load(
    serving: subprocess.Popen[str], origin: str, places: tuple[str, str], minutes: float, views: int
) -> None:
    """Look at many pages at once, and at the server's memory meanwhile."""
    levels = [resident_mb(serving)]
    spent: list[float] = []
    failed = 0
    for _ in range(5):
        found, missed = asyncio.run(read_much(origin, places, minutes, views // 5))
        spent += found
        failed += missed
        levels.append(resident_mb(serving))
    print(f"{READERS} readers, {views:,} views   {percentiles(spent)}   failed {failed}")
    print(f"memory, before and by fifths {'  '.join(f'{level:,.0f} MB' for level in levels)}")


def lake_in(folder: Path, minutes: float) -> Path:
    """Return the raw recording beside its lake, made where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "hour.bin"
    if not (folder / "lake").exists():
        raw = write(folder, minutes, CHANNELS)
        panneuro.open(folder / "lake", create=True).add(raw, said=SAID)
    return raw


def measure(folder: Path, minutes: float, views: int) -> None:
    """Measure everything on a recording that may be there already."""
    raw = lake_in(folder, minutes)
    lake = panneuro.open(folder / "lake")
    manifest = lake[next(iter(lake))].manifest
    name = f"{manifest.name}@{manifest.version}"
    signal = f"/assets/{name}/signals/{manifest.signals[0]['name']}/window"
    serving, origin = server(folder / "lake")
    try:
        measure_windows(origin, signal, raw, minutes)
        measure_browser(origin, name, minutes)
        measure_load(serving, origin, (name, signal), minutes, views)
    finally:
        serving.terminate()
        serving.wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--views", type=int, default=10_000)
    options.add_argument("--data", type=Path, help="folder that keeps the recording and the lake")
    said = options.parse_args()
    static = files("panneuro.portal").joinpath("static")
    sent = {
        one.name: len(gzip.compress(one.read_bytes()))
        for one in static.iterdir()
        if one.name.endswith((".js", ".css"))
    }
    print(f"script and style, gzip      {sum(sent.values()) / 1e3:.1f} kB in {len(sent)} files")
    if said.data:
        measure(said.data, said.minutes, said.views)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), said.minutes, said.views)


if __name__ == "__main__":
    main()
