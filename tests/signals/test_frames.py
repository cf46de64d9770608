from __future__ import annotations

import numpy as np
import pytest

from panneuro.core.errors import InputError
from panneuro.signals.frames import Frames

TIMES = np.arange(10) / 10


def test_images_of_a_span():
    frames = Frames("stack", TIMES, np.arange(40).reshape(10, 2, 2), shape=(2, 2))
    assert frames.read(0.2, 0.4)[:, 0, 0].tolist() == [8, 12]
    assert frames.read().shape == (10, 2, 2)
    assert frames.read(5.0, 1.0).shape == (0, 2, 2)
    assert (len(frames), repr(frames)) == (10, "<Frames 'stack' 10 of 2 × 2>")


@pytest.mark.parametrize("time", [np.nan, np.inf])
def test_times_that_are_no_times(time):
    with pytest.raises(InputError, match="finite"):
        Frames("stack", TIMES, np.zeros((10, 2, 2))).read(time)


def test_images_inside_a_video_are_fetched_otherwise():
    video = Frames("face", TIMES, file="face.mp4", shape=(480, 640))
    assert repr(video) == "<Frames 'face' 10 of 480 × 640, in 'face.mp4'>"
    with pytest.raises(InputError, match="inside the video"):
        video.read()


@pytest.mark.parametrize(
    "fields", [{}, {"data": np.zeros((10, 2, 2)), "file": "a"}, {"data": np.zeros((9, 2, 2))}]
)
def test_frames_that_cannot_be(fields):
    with pytest.raises(InputError, match="stack"):
        Frames("stack", TIMES, **fields)
