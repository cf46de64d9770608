"""Provenance in the words of others: W3C PROV, and RO-Crate with its terms for runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from panneuro.compute.lineage import Lineage
from panneuro.core.digests import PREFIX
from panneuro.core.extras import need
from panneuro.core.run import Run
from panneuro.lake.asset import Asset
from panneuro.lake.lake import Lake

RO_CRATE = "ro-crate-metadata.json"
_OURS = "https://panneuro.readthedocs.io/terms#"
_PROCESS_RUN = "https://w3id.org/ro/wfrun/process/0.5"
_SPEC = "1.1"
"""Of RO-Crate: the version that the profile of process runs builds on."""

_PLACEHOLDER = "2000-01-01"


def prov(lake: Lake, found: Lineage) -> dict[str, Any]:
    """Return a lineage as PROV-JSON.

    Assets and files are entities, runs are activities, those who ran them are agents, and the code
    that was run is the plan they followed.

    Parameters
    ----------
    lake : Lake
        That holds it; its id is part of all names.
    found : Lineage
        What is told.

    Returns
    -------
    dict
        As https://www.w3.org/submissions/prov-json/ says.
    """
    told = _Prov()
    for name, version in found.assets:
        told.entity(name, version)
    for run in found.runs:
        told.run(run)
    prefixes = {"lake": f"urn:panneuro:lake:{lake.settings.id}:", "panneuro": _OURS}
    return {"prefix": prefixes, **{kind: ones for kind, ones in told.said.items() if ones}}


class _Prov:
    def __init__(self) -> None:
        kinds = ("entity", "activity", "agent", "used", "wasGeneratedBy", "wasDerivedFrom",
                 "wasAssociatedWith", "actedOnBehalfOf")  # fmt: skip
        self.said: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}

    def entity(self, name: str, version: str) -> str:
        is_file = version.startswith(PREFIX)
        key = f"lake:file/{version}" if is_file else f"lake:{quote(name)}@{version}"
        kind = "panneuro:File" if is_file else "panneuro:Asset"
        about = {"prov:label": name, "prov:type": _qualified(kind), "panneuro:version": version}
        self.said["entity"].setdefault(key, about)
        return key

    def run(self, run: Run) -> None:
        key = f"lake:run/{run.key}"
        self.said["activity"][key] = {
            "prov:startTime": run.began,
            "prov:endTime": run.ended,
            "prov:label": run.step,
            "panneuro:parameters": json.dumps(dict(run.parameters), sort_keys=True),
            "panneuro:status": run.status,
            "panneuro:host": run.host,
            "panneuro:python": run.python,
            **({"panneuro:image": run.image} if run.image else {}),
            **({"panneuro:seed": run.seed} if run.seed is not None else {}),
        }
        person = f"lake:user/{quote(run.user)}"
        self.said["agent"][person] = {
            "prov:label": run.user,
            "prov:type": _qualified("prov:Person"),
        }
        followed = {"prov:activity": key, "prov:agent": person}
        if run.code:
            plan = f"lake:code/{run.code}"
            self.said["entity"][plan] = {
                "prov:label": run.step,
                "prov:type": _qualified("prov:Plan"),
            }
            followed["prov:plan"] = plan
        self.said["wasAssociatedWith"][f"_:by{run.key}"] = followed
        inputs = [
            (slot, self.entity(*one)) for slot, ones in run.inputs.items() for one in ones.items()
        ]
        for number, (slot, entity) in enumerate(inputs):
            told = {"prov:activity": key, "prov:entity": entity, "prov:role": slot}
            self.said["used"][f"_:u{run.key}.{number}"] = told
        for number, made in enumerate(self.entity(*one) for one in run.outputs.items()):
            generated = {"prov:entity": made, "prov:activity": key, "prov:time": run.ended}
            self.said["wasGeneratedBy"][f"_:g{run.key}.{number}"] = generated
            for other, (_, entity) in enumerate(inputs):
                self.said["wasDerivedFrom"][f"_:d{run.key}.{number}.{other}"] = {
                    "prov:generatedEntity": made,
                    "prov:usedEntity": entity,
                    "prov:activity": key,
                }


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def ro_crate(
    lake: Lake,
    found: Lineage,
    *,
    title: str = "",
    files: Iterable[str] = (),
    folder: str = "",
) -> dict[str, Any]:
    """Return a lineage as the metadata of an RO-Crate.

    It follows the profile Process Run Crate: each run is a ``CreateAction`` whose ``object`` are
    its inputs, whose ``result`` its outputs, and whose ``instrument`` is the code of its step.

    Parameters
    ----------
    lake : Lake
        That holds it.
    found : Lineage
        What is told.
    title : str
        Of the crate.
    files : iterable of str
        Paths of what else is in the crate.
    folder : str
        Where in the crate the lake lies, as ``lake/``; the assets are told as absent where empty.

    Returns
    -------
    dict
        The content of ``ro-crate-metadata.json``.

    Raises
    ------
    MissingExtraError
        If the extra ``provenance`` is not installed.
    """
    crate = _Crate(lake, folder)
    for reference in found.assets:
        crate.asset(*reference)
    for run in sorted(found.runs, key=lambda run: (run.ended, run.key)):
        crate.run(run)
    for path in sorted(files):
        crate.file(path)
    return crate.metadata(title, found)


class _Crate:
    def __init__(self, lake: Lake, folder: str) -> None:
        model = need("rocrate.rocrate", "provenance", "Telling a lineage as an RO-Crate")
        self._entity = need(
            "rocrate.model.contextentity", "provenance", "Telling a lineage as an RO-Crate"
        ).ContextEntity
        self.lake = lake
        self.folder = folder
        self.crate = model.ROCrate(version=_SPEC)

    def _named(self, identifier: str, kind: str, /, **said: Any) -> Any:
        known = self.crate.dereference(identifier)
        if known is not None:
            return known
        about = {"@type": kind, **{key: one for key, one in said.items() if one}}
        return self.crate.add(self._entity(self.crate, identifier, properties=about))

    def asset(self, name: str, version: str) -> Any:
        asset = Asset.open(self.lake.store, name, version)
        said = asset.documents.description
        about = {
            "name": said.title or name,
            "identifier": f"{name}@{version}",
            "description": said.summary,
            "dateCreated": asset.manifest.created,
            "contentSize": str(sum(file.size for file in asset.files)),
            "sha256": asset.manifest.digest.removeprefix(PREFIX),
            "keywords": ", ".join(one.label for one in said.modalities),
        }
        about = {key: one for key, one in about.items() if one}
        if said.licence:
            spdx = (said.licence.id or said.licence.label).rpartition(":")[2]
            about["license"] = self._named(
                f"https://spdx.org/licenses/{quote(spdx)}", "CreativeWork", name=said.licence.label
            )
        identifier = self._place(name, version)
        if self.folder and self.crate.dereference(identifier) is None:
            return self.crate.add_dataset(dest_path=identifier, properties=about)
        return self._named(identifier, "Dataset", **about)

    def _place(self, name: str, version: str) -> str:
        return f"{self.folder}assets/{name}/{version}/" if self.folder else f"#{name}@{version}"

    def file(self, path: str) -> Any:
        return self.crate.add_file(dest_path=path, properties={"name": path.rpartition("/")[2]})

    def _one(self, name: str, version: str) -> Any:
        if not version.startswith(PREFIX):
            known = self.crate.dereference(self._place(name, version))
            return known or self._named(f"#{name}@{version}", "Dataset", name=name)
        digest = version.removeprefix(PREFIX)
        return self._named(f"#{digest}", "CreativeWork", name=name, sha256=digest)

    def run(self, run: Run) -> None:
        code = f"#{run.code or run.step}"
        tool = self._named(
            code, "SoftwareSourceCode", name=run.step, version=run.code or None,
            programmingLanguage="Python" if run.code else None,
            softwareRequirements=[f"{name}=={text}" for name, text in run.packages.items()],
        )  # fmt: skip
        person = self._named(f"#user-{quote(run.user)}", "Person", name=run.user)
        taken = dict.fromkeys(one for ones in run.inputs.values() for one in ones.items())
        inputs = [self._one(*one) for one in taken]
        outputs = [self._one(*one) for one in run.outputs.items()]
        how = "Completed" if run.is_done else "Failed"
        given = [self._parameter(run, *one) for one in sorted(run.parameters.items())]
        self._named(
            f"#run-{run.key}", "CreateAction",
            name=f"{run.step}: {', '.join(run.outputs) or run.status}",
            startTime=run.began, endTime=run.ended, agent=person, instrument=tool,
            object=[*inputs, *given], result=outputs,
            actionStatus=f"http://schema.org/{how}ActionStatus",
        )  # fmt: skip

    def _parameter(self, run: Run, name: str, value: Any) -> Any:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        identifier = f"#run-{run.key}-{quote(name)}"
        return self._named(identifier, "PropertyValue", name=name, value=text)

    def metadata(self, title: str, found: Lineage) -> dict[str, Any]:
        """Return it whole, dated by what is in it alone."""
        last = max((run.ended for run in found.runs), default=_PLACEHOLDER)
        self.crate.name = title or ", ".join(name for name, _ in found.roots[:3])
        self.crate.description = (
            f"{len(found.assets)} assets of a panneuro lake and the {len(found.runs)} runs that "
            "made them"
        )
        root = self.crate.root_dataset
        root["datePublished"] = last
        root["license"] = root.get("license", "See the license of each asset.")
        self._named(_PROCESS_RUN, "CreativeWork", name="Process Run Crate", version="0.5")
        root["conformsTo"] = {"@id": _PROCESS_RUN}
        actions = [run for run in found.runs if self.crate.dereference(f"#run-{run.key}")]
        root["mentions"] = [{"@id": f"#run-{key}"} for key in sorted(run.key for run in actions)]
        said: Mapping[str, Any] = self.crate.metadata.generate()
        return dict(said)
