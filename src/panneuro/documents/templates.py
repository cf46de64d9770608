"""What a rig says in every session, so that the second session needs no typing."""

from __future__ import annotations

from typing import Any

from panneuro.documents.envelope import Documents

CONSTANT: dict[str, tuple[str, ...]] = {
    "description": (
        "modalities",
        "lab",
        "institution",
        "project",
        "experimenters",
        "keywords",
        "funding",
        "licence",
        "ethics",
    ),
    "subject": ("species",),
    "procedures": ("protocol",),
    "instrument": ("id", "devices", "probes"),
    "acquisition": ("timezone", "task", "protocol"),
    "access": ("policy", "agreement", "contact"),
}
"""The fields that stay the same on a rig from one session to the next."""


def template_of(documents: Documents) -> dict[str, Any]:
    """Return what will be true of the next session on the same rig.

    Parameters
    ----------
    documents : Documents
        Those of one session.

    Returns
    -------
    dict
        Documents as JSON values, to be given to `merge` as a layer ``template``.

    Examples
    --------
    >>> from panneuro.documents.envelope import read
    >>> session = read({"instrument": {"id": "rig-3"}, "subject": {"id": "7", "species": "rat"}})
    >>> template_of(session)["subject"]["species"]["label"], "id" in template_of(session)["subject"]
    ('Rattus norvegicus', False)
    """
    whole = documents.to_dict()
    template = {}
    for kind, names in CONSTANT.items():
        slot = whole.get(kind, {})
        kept = {name: slot[name] for name in names if name in slot}
        if "extensions" in slot and kind == "instrument":
            kept["extensions"] = slot["extensions"]
        if kept:
            template[kind] = {"schema": slot["schema"], **kept}
    return template
