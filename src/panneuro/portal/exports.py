"""Assets as files of other tools, written when they are asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import BoundedSemaphore

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from panneuro.core.errors import LimitError, NotFoundError
from panneuro.lake.exporting import export
from panneuro.portal.doors import MEDIA, Door, Nothing, Visit

MOST_BYTES = 20_000_000_000
"""As large as one file is written for whoever asks."""

AT_ONCE = 2
"""As many are written at the same time."""


class Exports:
    """Answers with whole assets in other formats, a few at once."""

    def __init__(self) -> None:
        self._writing = BoundedSemaphore(AT_ONCE)

    def doors(self) -> list[Door]:
        """Return the one door."""
        path = "/assets/{name}/export/{kind}"
        return [Door(path, self.export, gives={"hdf5": None}, squeezed=False, metered=True)]

    def export(self, visit: Visit, _: Nothing) -> Response:
        """Write an asset for other tools: ``nwb`` gives one HDF5 file.

        It is written anew each time, so the answer takes as long as that; ``panneuro export`` on a
        served lake does the same where there is more.
        """
        if visit.part("kind") != "nwb":
            raise NotFoundError(f"no export as {visit.part('kind')[:40]!r}", hint="export/nwb")
        visit.seen.need("read", visit.part("name"))
        asset = visit.asset()
        size = max(asset.manifest.source_bytes, asset.manifest.stored_bytes)
        if size > MOST_BYTES:
            raise LimitError(
                f"{asset.name!r} would be about {size / 1e9:,.0f} GB as one file",
                hint=f"panneuro export {asset.name} nwb --lake {visit.origin}/store",
            )
        if not self._writing.acquire(blocking=False):
            raise LimitError("other exports are being written", hint="try again in a minute")
        try:
            folder = tempfile.TemporaryDirectory(prefix="panneuro-export-")
            path = export(asset, "nwb", Path(folder.name))
        finally:
            self._writing.release()
        return FileResponse(
            path,
            media_type=MEDIA["hdf5"],
            filename=path.name,
            stat_result=path.stat(),
            headers={"cache-control": "no-store"},
            background=BackgroundTask(folder.cleanup),
        )
