"""Images over time: two-photon stacks, and videos that stay in their container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError
from panneuro.signals.arrays import LazyArray, refuse_no_times


@dataclass(frozen=True, eq=False, repr=False)
class Frames:
    """Images over time, as an array or as a video file that is kept as it is.

    Parameters
    ----------
    name : str
        Unique within its asset, such as ``"two_photon"`` or ``"face_camera"``.
    times : array-like of float64, shape (n_frames,)
        When each frame was taken, in seconds on the session's clock.
    data : array-like, shape (n_frames, height, width) or (…, n_colours), optional
        The images; ``None`` where they are inside `file`.
    file : str
        Name, within the recording, of the video that holds the images.
    shape : tuple of int
        ``(height, width)`` in pixels.
    rate_hz : float, optional
        Nominal frames per second.
    unit : str
        Of the values.
    neurodata_type, role, description, attributes, path
        As for `TimeSeries`.
    thumbnails : array-like of uint8, shape (n_thumbnails, height, width, 3), optional
        A few small pictures from the video, evenly spread, to look at without opening it.
    """

    name: str
    times: LazyArray
    data: LazyArray | None = None
    file: str = ""
    shape: tuple[int, ...] = ()
    rate_hz: float | None = None
    unit: str = "n.a."
    neurodata_type: str = "ImageSeries"
    role: str = "acquisition"
    description: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    thumbnails: LazyArray | None = None

    def __post_init__(self) -> None:
        if (self.data is None) == (not self.file):
            raise InputError(f"frames {self.name!r} need either an array or a file, not both")
        if self.data is not None and self.data.shape[0] != self.times.shape[0]:
            raise InputError(
                f"frames {self.name!r}: {self.data.shape[0]} images but {self.times.shape[0]} times"
            )

    def __len__(self) -> int:
        return int(self.times.shape[0])

    def __repr__(self) -> str:
        size = " × ".join(str(length) for length in self.shape) or "?"
        where = f", in {self.file!r}" if self.file else ""
        return f"<Frames {self.name!r} {len(self)} of {size}{where}>"

    def read(self, start_s: float | None = None, stop_s: float | None = None) -> npt.NDArray[Any]:
        """Read the images taken in ``[start_s, stop_s)``.

        Returns
        -------
        ndarray, shape (n_frames, height, width, …)
        """
        if self.data is None:
            raise InputError(
                f"the images of {self.name!r} are inside the video {self.file!r}",
                hint="fetch the file and open it with a video library",
            )
        refuse_no_times(self.name, start_s, stop_s)
        times = np.asarray(self.times[:])
        first = 0 if start_s is None else int(np.searchsorted(times, start_s, side="left"))
        last = len(self) if stop_s is None else int(np.searchsorted(times, stop_s, side="left"))
        return np.asarray(self.data[first : max(first, last)])
