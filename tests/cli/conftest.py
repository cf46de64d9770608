"""One small recording, a lake that holds it, and a way to run the command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from pynwb import NWBHDF5IO, NWBFile
from pynwb.ecephys import ElectricalSeries
from pynwb.file import Subject

import panneuro
from panneuro.cli import main

Run = Callable[..., Result]

SAID = (
    "description.modalities=ecephys",
    "description.institution=University of Somewhere",
    "description.lab=Doe lab",
    "description.licence=CC-BY-4.0",
)
FLAGS = tuple(word for one in SAID for word in ("--set", one))


def write_nwb(path: Path, subject: str = "mouse-7", seed: int = 0, rows: int = 1000) -> Path:
    """Write four channels, a second if not told otherwise, three units and two trials."""
    rng = np.random.default_rng(seed)
    session = NWBFile(
        session_description="ripples in CA1",
        identifier=f"cli-{subject}-{seed}",
        session_start_time=datetime(2024, 5, 1, 9, 30, seed, tzinfo=UTC),
        subject=Subject(subject_id=subject, species="Mus musculus", sex="F", age="P90D"),
    )
    device = session.create_device("probe")
    group = session.create_electrode_group("shank", "", "CA1", device)
    for channel in range(4):
        session.add_electrode(x=0.0, y=20.0 * channel, z=0.0, location="CA1", group=group)
    region = session.create_electrode_table_region([0, 1, 2, 3], "all")
    data = rng.normal(0, 20, (rows, 4)).cumsum(axis=0).astype("int16")
    session.add_acquisition(
        ElectricalSeries(
            name="ap", data=data, electrodes=region, rate=1000.0, conversion=1e-6, description="raw"
        )
    )
    for unit in range(3):
        session.add_unit(spike_times=np.sort(rng.random(5 + unit)), id=unit)
    session.add_trial(start_time=0.0, stop_time=0.4)
    session.add_trial(start_time=0.5, stop_time=0.9)
    with NWBHDF5IO(path, "w") as io:
        io.write(session)
    return path


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an NWB file that says all but who made it and on what terms."""
    return write_nwb(tmp_path_factory.mktemp("rig") / "session.nwb")


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PANNEURO_LAKE", "PANNEURO_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Run:
    """Return what runs a line and gives its exit code, stdout and stderr."""
    runner = CliRunner()

    def line(*words: object, **options: object) -> Result:
        return runner.invoke(main, [str(word) for word in words], **options)

    return line


@pytest.fixture(scope="session")
def filled(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a lake that holds the recording; not to be changed."""
    place = str(tmp_path_factory.mktemp("filled") / "lake")
    result = CliRunner().invoke(main, ["add", str(recording), "--lake", place, *FLAGS])
    assert result.exit_code == 0, result.output
    return place


@pytest.fixture
def name(filled: str) -> str:
    """Return the name of the one asset in the filled lake."""
    return next(iter(panneuro.open(filled)))
