"""Signals over HTTP are what the lake holds, in every form."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest


@pytest.fixture
def base(name):
    return f"/assets/{name}/signals"


def test_the_list_says_what_there_is(client, base):
    said = client.get(base).json()
    kinds = {one["name"]: one["kind"] for one in said["signals"]}
    assert kinds["ap"] == "timeseries"
    assert kinds["units"] == "events"
    assert kinds["trials"] == "intervals"
    assert kinds["camera"] == "frames"


def test_samples_come_bit_for_bit(client, base, truth):
    answer = client.get(f"{base}/ap?t0=1&t1=1.01&channels=2,4-5&format=binary")
    shape = tuple(map(int, answer.headers["panneuro-shape"].split(",")))
    found = np.frombuffer(answer.content, answer.headers["panneuro-dtype"]).reshape(shape)
    assert np.array_equal(found, truth.samples[30_000:30_300, [2, 4, 5]])


def test_a_table_comes_as_csv_parquet_arrow_and_json(client, base, truth):
    wanted = truth.trials["start_time"].tolist()
    csv = pd.read_csv(io.BytesIO(client.get(f"{base}/trials?format=csv").content))
    assert csv["start_time"].tolist() == wanted
    parquet = pd.read_parquet(io.BytesIO(client.get(f"{base}/trials?format=parquet").content))
    assert parquet["orientation"].tolist() == truth.trials["orientation"].tolist()
    arrow = pa.ipc.open_stream(client.get(f"{base}/trials?format=arrow").content).read_all()
    assert arrow["start_time"].to_pylist() == wanted
    assert client.get(f"{base}/trials").json()["values"]["start_time"] == wanted
    inside = client.get(f"{base}/trials?t0=0&t1=1").json()["values"]["start_time"]
    assert inside == [0.5]


def test_one_unit_comes_alone(client, base, truth):
    found = client.get(f"{base}/units?unit=102&format=json").json()["values"]
    assert found == pytest.approx(truth.trains[2].tolist())


def test_windows_agree_in_both_forms(client, base):
    place = f"{base}/ap/window?t0=0&t1=6&px=100&channels=0-3"
    said = client.get(place).json()
    binary = client.get(f"{place}&format=binary")
    values = np.frombuffer(binary.content, "<f4").reshape(100, 4, 2)
    np.testing.assert_allclose(values[..., 0], said["low"], rtol=1e-5)
    np.testing.assert_allclose(values[..., 1], said["high"], rtol=1e-5)
    short = client.get(f"{place}&format=binary&dtype=int16")
    scale = float(short.headers["panneuro-scale"])
    near = np.frombuffer(short.content, "<i2").reshape(100, 4, 2) * scale
    np.testing.assert_allclose(near, values, atol=scale)
    peaks = client.get(f"{place}&format=binary&summary=peaks")
    assert peaks.headers["panneuro-shape"] == "100,4"


def test_counts_come_by_unit(client, base, truth):
    said = client.get(f"{base}/units/window?t0=0&t1=6&px=60").json()
    assert np.sum(said["counts"], axis=0).tolist() == [len(t) for t in truth.trains.values()]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("ap/window?px=10", "t0="),
        ("ap/window?t0=5&t1=1&px=10", "none"),
        ("ap/window?t0=nan&t1=1&px=10", "none"),
        ("ap/window?t0=0&t1=inf&px=10", "none"),
        ("ap/window?t0=0&t1=1&px=0", "px"),
        ("ap/window?t0=0&t1=1&px=99999", "px"),
        ("ap/window?t0=0&t1=1&px=10&channels=a", "channels"),
        ("ap/window?t0=0&t1=1&px=10&channels=99", "99"),
        ("ap/window?t0=0&t1=1&px=10&channels=1,1", "twice"),
        ("ap/window?t0=0&t1=1&px=10&format=xml", "xml"),
        ("trials/window?t0=0&t1=1&px=10", "time series"),
        ("ap?t0=x", "t0"),
        ("ap?t0=nan&format=binary", "nan"),
        ("camera?unit=1", "unit"),
        ("camera?t0=0&format=csv", "table"),
        ("trials/frame?t=1", "images"),
        ("camera/video", "no video"),
        ("trials/video", "no video"),
        ("trials?format=binary", "array"),
        ("electrodes?format=svg", "picture"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(client, base, asked, word):
    answer = client.get(f"{base}/{asked}")
    assert answer.status_code == 400, answer.text
    assert word in answer.json()["detail"]


def test_a_range_of_channels_without_end_is_refused(client, base):
    place = f"{base}/ap/window?t0=0&t1=1&px=10&channels=" + ",".join(["0-99999"] * 1)
    assert client.get(place).status_code in (400, 422)
    assert client.get(f"{base}/ap/window?t0=0&t1=1&px=4096&channels=0-9999").status_code == 422


def test_an_answer_for_a_version_is_kept_for_ever(client, base, lake, name):
    exact = f"/assets/{name}@{lake[name].version}/signals/ap/window?t0=0&t1=1&px=10"
    answer = client.get(exact)
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]
    again = client.get(exact, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert not again.content
    assert "no-cache" in client.get(f"{base}/ap").headers["cache-control"]


def test_images_come_as_png(client, base):
    from PIL import Image

    answer = client.get(f"{base}/camera/frame?t=2.2")
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (32, 24)
    early = client.get(f"{base}/camera/frame?t=-5")
    assert early.status_code == 200


@pytest.mark.parametrize("signal", ["ap", "running_speed", "pupil", "units", "trials", "camera"])
def test_every_kind_is_drawn_without_scripts(client, base, signal):
    outside = client.get(f"{base}/{signal}?format=svg&t0=1000&t1=1002")
    assert outside.status_code == 200
    answer = client.get(f"{base}/{signal}?format=svg&t0=0&t1=2")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.text.startswith("<svg")
    assert "nan" not in answer.text + outside.text
