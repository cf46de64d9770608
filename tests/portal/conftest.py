"""A lake with a session of everything, served in memory or on a port of this machine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.ecephys import ElectricalSeries
from pynwb.file import Subject
from pynwb.image import ImageSeries

import panneuro
from panneuro.lake.lake import Lake
from panneuro.portal.app import Hosting, make_app
from panneuro.testing.sessions import Session, make_session

sys.path.insert(0, str(Path(__file__).parent))
from hosted import Hosted, hosted, running

SAID = {
    "description": {
        "modalities": ["ecephys"],
        "institution": "University of Somewhere",
        "lab": "Doe lab",
        "licence": "CC-BY-4.0",
    }
}
SECONDS = 6.0


def write_nwb(path: Path, truth: Session, subject: str, project: str) -> Path:
    """Write raw traces, running, pupil, camera, units and trials of a generated session."""
    session = NWBFile(
        session_description=f"gratings for {subject}, generated",
        identifier=subject,
        session_start_time=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        subject=Subject(subject_id=subject, species="Mus musculus", sex="F", age="P90D"),
        keywords=[project],
    )
    rng = np.random.default_rng(1)
    n_channels = truth.samples.shape[1]
    group = session.create_electrode_group("shank", "", "CA1", session.create_device("probe"))
    for at in range(n_channels):
        place = {"rel_x": 16.0 * (at % 2), "rel_y": 20.0 * (at // 2)}
        area = "CA1" if at < n_channels // 2 else "VISp"
        session.add_electrode(location=area, group=group, **place)
    region = session.create_electrode_table_region(list(range(n_channels)), "all")
    session.add_acquisition(
        ElectricalSeries(
            name="ap", data=truth.samples, electrodes=region, rate=30_000.0, conversion=2.34375e-6
        )
    )
    speed = np.abs(rng.normal(0, 0.3, 600).cumsum())
    session.add_acquisition(TimeSeries(name="running_speed", data=speed, unit="cm/s", rate=100.0))
    stamps = np.sort(rng.uniform(0, SECONDS, 500))
    session.add_acquisition(
        TimeSeries(name="pupil", data=np.sin(stamps), unit="mm", timestamps=stamps)
    )
    images = (rng.random((12, 24, 32)) * 255).astype("uint8")
    session.add_acquisition(
        ImageSeries(name="camera", data=images, unit="n.a.", format="raw", rate=2.0)
    )
    session.add_unit_column("area", "where it is said to be")
    for unit, train in truth.trains.items():
        session.add_unit(id=100 + unit, spike_times=train, area="CA1")
    for name in ("orientation", "correct"):
        session.add_trial_column(name, name)
    for row in truth.trials.to_dict("records"):
        session.add_trial(
            **{str(key): getattr(v, "item", lambda v=v: v)() for key, v in row.items()}
        )
    with NWBHDF5IO(path, "w") as io:
        io.write(session)
    return path


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Return what was made up."""
    folder = tmp_path_factory.mktemp("rig")
    return make_session(folder, seconds=SECONDS, n_channels=16, n_units=8)


@pytest.fixture(scope="session")
def lake(truth: Session, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake of two sessions, of which one was described again; not to be changed."""
    folder = tmp_path_factory.mktemp("portal")
    lake = panneuro.open(folder / "lake", create=True)
    for subject, project in (("mouse-7", "gratings"), ("mouse-8", "secret")):
        path = write_nwb(folder / f"{subject}.nwb", truth, subject, project)
        said = {**SAID, "description": {**SAID["description"], "project": project}}
        name = lake.add(path, said=said).manifest.name
    lake.describe(name, {"description": {"title": "A second look <at> “gratings”"}})
    return lake


@pytest.fixture(scope="session")
def name(lake: Lake) -> str:
    """Return the name of the session that has one version."""
    return next(one for one in lake if "mouse-7" in one)


@pytest.fixture(scope="session")
def described(lake: Lake) -> str:
    """Return the name of the session that has two versions."""
    return next(one for one in lake if "mouse-8" in one)


@pytest.fixture(scope="session")
def origin(lake: Lake) -> Iterator[str]:
    """Return the address of the lake on a port of this machine."""
    with running(make_app(lake, Hosting())) as address:
        yield address


@pytest.fixture(name="running", scope="session")
def _running() -> Callable[..., Any]:
    """Return what serves an app, for tests that do it themselves."""
    return running


@contextmanager
def visiting(app: object) -> Iterator[httpx.Client]:
    """Serve an app from a thread and return a client of it."""
    with (
        running(app) as address,
        httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def client(origin: str) -> Iterator[httpx.Client]:
    """Return a client of the served lake."""
    with httpx.Client(base_url=origin, follow_redirects=True, timeout=60) as client:
        yield client


@pytest.fixture
def visit() -> Iterator[Callable[[object], httpx.Client]]:
    """Return what serves an app and gives a client of it, until the test is over."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(visiting(app))


@pytest.fixture(scope="module")
def copied(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a copy of the lake, for the tests of one file to change."""
    return copy_of(lake, tmp_path_factory.mktemp("copied") / "lake")


def copy_of(lake: Lake, folder: Path) -> Lake:
    """Copy a lake."""
    shutil.copytree(urlsplit(lake.store.url).path, folder)
    return panneuro.open(folder)


@pytest.fixture
def shared(lake: Lake, tmp_path: Path) -> Iterator[Hosted]:
    """Return a copy of the lake in which the gratings are public and the rest is the lab's."""
    copy = copy_of(lake, tmp_path / "shared")
    copy.access.grant("everyone", "reader", "project=gratings")
    copy.access.grant("owner@uni.edu", "owner", "")
    copy.access.grant("group:doe", "editor", "project=secret")
    with hosted(copy, follow_redirects=True) as made:
        yield made
