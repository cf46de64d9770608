"""Sending recordings to a lake that is served elsewhere, from where they were made."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from panneuro.core.digests import digest_file
from panneuro.core.errors import (
    ConflictError,
    CorruptionError,
    DocumentError,
    FormatError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    PanneuroError,
    StoreError,
    UnknownFormatError,
)
from panneuro.core.extras import need
from panneuro.core.progress import Progress, Silence
from panneuro.formats.readers import begin
from panneuro.formats.source import Source
from panneuro.storage.stores import open_store, tokens

if TYPE_CHECKING:
    import httpx

    from panneuro.lake.adding import Options

_TRIES = 6
_FIRST_PAUSE_S = 0.5
_ASKED_EVERY_S = 0.5
_ROUNDS = 10
_STORE = "/store"
_LEAST_PART = 1 << 16
_KINDS = {
    kind.code: kind
    for kind in (
        ConflictError,
        CorruptionError,
        DocumentError,
        FormatError,
        InputError,
        LimitError,
        NotAllowedError,
        NotFoundError,
        UnknownFormatError,
    )
}


class _TooLargeError(LimitError):
    """Something between here and the server takes no request of that size."""


class Sender:
    """Sends recordings to one served lake.

    Parameters
    ----------
    place : str
        Of the lake, as `panneuro.open` reads it: ``https://lake.example/store``.

    Raises
    ------
    InputError
        If it is none, or data would be sent unencrypted to another machine.
    """

    def __init__(self, place: str) -> None:
        client: Any = need("httpx", "portal", "Sending a recording")
        origin = place.rstrip("/").removesuffix(_STORE)
        if origin == place.rstrip("/"):
            raise InputError(
                f"sending to {place!r}: it is no served lake", hint=f"{origin}{_STORE}"
            )
        open_store(place)
        token = tokens().get(urlsplit(origin).netloc.lower())
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._origin = origin
        self._failure: type[Exception] = client.TransportError
        self._client: httpx.Client = client.Client(base_url=origin, headers=headers, timeout=120)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(
        self, path: Path, options: Options, progress: Progress | None = None
    ) -> Mapping[str, Any]:
        """Send a recording and wait until it is added; what is there already is not sent again.

        Parameters
        ----------
        path : Path
            The file or the folder that the rig wrote.
        options : Options
            How it is to be added.
        progress : Progress, optional
            Told of bytes as they are hashed, sent and added.

        Returns
        -------
        mapping
            ``name``, ``version``, ``is_new``, ``sent_bytes``, ``findings``.

        Raises
        ------
        NotAllowedError
            If who sends it may not add it.
        StoreError
            If the server cannot be reached; the same call goes on where it was.
        PanneuroError
            As adding it raises.
        """
        progress, files = progress or Silence(), files_of(path, options.format)
        asked, paths = _asked(path, files, options, progress)
        for _ in range(_ROUNDS):
            told = self._wait(self._ask("POST", "/assets", json=asked), progress)
            if told["state"] == "added":
                return dict(told["added"])
            if told["state"] == "failed":
                raise _error(told["error"])
            self._send_parts(told, paths, progress)
        raise StoreError(
            f"sending {str(path)!r}: what arrives is not what is sent", hint="add it again"
        )

    def _send_parts(
        self, told: Mapping[str, Any], paths: Mapping[str, Path], progress: Progress
    ) -> None:
        due, part = told["missing"], told["part_bytes"]
        progress.start("sending", sum(one["size"] - one["offset"] for one in due))
        for one in due:
            place, at = f"/deliveries/{told['id']}/{one['digest']}", one["offset"]
            with paths[one["digest"]].open("rb") as source:
                source.seek(at)
                while data := source.read(part):
                    try:
                        self._ask("PUT", place, params={"offset": at}, content=data)
                    except _TooLargeError:
                        if part <= _LEAST_PART:
                            raise
                        part //= 2
                        source.seek(at)
                        continue
                    except ConflictError:
                        # It is there: an answer was lost. Asked again, the server says how much.
                        return
                    at += len(data)
                    progress.advance(len(data))

    def _wait(self, told: dict[str, Any], progress: Progress) -> dict[str, Any]:
        phase, done = "", 0
        while told["state"] == "adding":
            if told.get("phase", "") != phase:
                phase, done = told["phase"], 0
                progress.start(phase, told["total"], told["unit"])
            progress.advance(told.get("done", 0) - done)
            done = told.get("done", 0)
            time.sleep(_ASKED_EVERY_S)
            told = self._ask("GET", f"/deliveries/{told['id']}")
        return told

    def _ask(self, method: str, place: str, **said: Any) -> dict[str, Any]:
        """Ask, again where the network fails, and return what is told."""
        answer = self._patiently(lambda: self._client.request(method, place, **said))
        told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        if answer.is_success:
            return dict(told)
        if answer.status_code == 413 and not told:
            raise _TooLargeError(
                f"sending to {self._origin}: a proxy before it takes no part as large",
                hint="client_max_body_size 16m; where it is nginx",
            )
        error = {"code": told.get("code", ""), "hint": told.get("hint", "")}
        error["message"] = told.get("detail") or f"{self._origin} answers {answer.status_code}"
        raise _error(error)

    def _patiently(self, act: Callable[[], httpx.Response]) -> httpx.Response:
        for attempt in range(_TRIES):
            try:
                answer = act()
            except self._failure as error:
                if attempt == _TRIES - 1:
                    raise StoreError(
                        f"sending to {self._origin}: {error}",
                        hint="when it is reached again, the same line goes on",
                    ) from error
            else:
                if answer.status_code not in (502, 503, 504):
                    return answer
            time.sleep(_FIRST_PAUSE_S * 2**attempt)
        return answer


def _error(told: Mapping[str, str]) -> PanneuroError:
    """Return what the server told, as an error of its kind."""
    return _KINDS.get(told["code"], PanneuroError)(told["message"], hint=told.get("hint", ""))


def files_of(path: Path, format_: str | None = None) -> dict[str, Path]:
    """Return the files of a recording by their names: of a folder, all that it holds."""
    source = Source(path)
    if path.is_dir():
        return {f"{path.resolve().name}/{source.name(one)}": one for one in source.files}
    found = {file.name: file.path for file in begin(path, format_).files}
    return {**found, source.name(path): path}


def _asked(
    path: Path, files: Mapping[str, Path], options: Options, progress: Progress
) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return what the server is asked, and where each content lies."""
    progress.start("hashing", sum(one.stat().st_size for one in files.values()))
    digests = {name: digest_file(one, progress.advance) for name, one in files.items()}
    said = [
        {"path": name, "size": one.stat().st_size, "digest": digests[name]}
        for name, one in files.items()
    ]
    asked = {
        "root": path.resolve().name if path.is_dir() else Source(path).name(path),
        "files": sorted(said, key=lambda one: str(one["path"])),
        "format": options.format,
        "name": options.name,
        "said": options.said,
        "template": options.template,
        "replaces": options.replaces,
    }
    return asked, {digests[name]: one for name, one in files.items()}
