"""Scripts and styles: in memory, under an address that changes with their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from starlette.responses import Response

from panneuro.core.errors import NotFoundError
from panneuro.portal.doors import FOREVER, Door, Nothing, Visit

_MEDIA: Mapping[str, str] = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


class Scripts:
    """The files of the folder ``static``, read once."""

    def __init__(self) -> None:
        folder = files("panneuro.portal").joinpath("static")
        self._files = {
            one.name: one.read_bytes()
            for one in folder.iterdir()
            if one.name.rpartition(".")[2] in _MEDIA
        }
        running = hashlib.sha256()
        for name, data in sorted(self._files.items()):
            running.update(name.encode() + data)
        self.digest = running.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Return where a file is found, as long as no file changes."""
        return f"/static/{self.digest}/{name}"

    def doors(self) -> list[Door]:
        """Return the one door."""
        return [Door("/static/{digest}/{file}", self.static, listed=False)]

    def static(self, visit: Visit, _: Nothing) -> Response:
        """Return a file of the portal's own."""
        name = visit.part("file")
        if name not in self._files or visit.part("digest") != self.digest:
            raise NotFoundError(f"there is no file {name!r}")
        media = _MEDIA[name.rpartition(".")[2]]
        return Response(self._files[name], media_type=media, headers={"cache-control": FOREVER})
