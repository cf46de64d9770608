"""``panneuro show``: what is known about an asset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from panneuro.access.savings import coded
from panneuro.cli.answers import Answers
from panneuro.cli.coding import coding_in_words
from panneuro.cli.completing import assets
from panneuro.cli.options import answering, lake_option
from panneuro.cli.saying import typed
from panneuro.cli.texts import counted, in_bytes, in_time, table
from panneuro.core.errors import NotFoundError
from panneuro.core.manifest import Manifest
from panneuro.lake.asset import Asset
from panneuro.lake.lake import Lake, open_lake

_CUT = 4


@click.command(short_help="Show what is known about an asset.")
@click.argument("name", metavar="NAME[@VERSION]", shell_complete=assets)
@click.option("--files", "part", flag_value="files", help="Every object, its size and digest.")
@click.option("--documents", "part", flag_value="documents", help="What is said in each field.")
@click.option("--signals", "part", flag_value="signals", help="What was measured or computed.")
@click.option("--versions", "part", flag_value="versions", help="Every version, oldest first.")
@click.option("--path", "field", metavar="SLOT.FIELD", help="One field: subject.species.")
@lake_option
@answering(items=True)
def command(
    answers: Answers, name: str, part: str | None, field: str | None, lake: str | None
) -> None:
    """Show what is known about an asset.

    \b
    panneuro show NAME --signals
    panneuro show NAME --path subject.id
    """
    if part and field:
        raise click.UsageError(f"--{part} and --path do not go together")
    opened = open_lake(lake)
    asset = opened[name]
    if field:
        _field(answers, asset, field)
    elif part:
        _PARTS[part](answers, opened, asset)
    else:
        _whole(answers, asset)


def _about(asset: Asset) -> dict[str, Any]:
    return {"name": asset.name, "version": asset.version}


def _whole(answers: Answers, asset: Asset) -> None:
    manifest = asset.manifest
    rows = asset.summary()
    width = max(len(label) for label, _ in rows)
    document = {
        **_about(asset),
        "created": manifest.created,
        "parent": manifest.parent,
        "format": manifest.format,
        "source_bytes": manifest.source_bytes,
        "stored_bytes": manifest.stored_bytes,
        "documents": dict(manifest.documents),
        "signals": [dict(said) for said in manifest.signals],
        "notes": list(manifest.notes),
    }
    answers.give(document, "\n".join(f"{label:{width}}  {text}" for label, text in rows))
    if manifest.signals:
        answers.suggest("get", asset.name, str(manifest.signals[0]["name"]))


def _files(answers: Answers, _: Lake, asset: Asset) -> None:
    rows = [[f.path, in_bytes(f.size), f.digest[:19], f.key] for f in asset.files]
    text = table(("path", "size", "digest", "shared from"), rows, ("size",))
    answers.give_all("files", (f.to_json() for f in asset.files), text, **_about(asset))


def _documents(answers: Answers, _: Lake, asset: Asset) -> None:
    said = dict(asset.manifest.documents)
    items = ({"slot": slot, "document": values} for slot, values in said.items())
    if answers.form == "json":
        answers.give({**_about(asset), "documents": said})
    else:
        lines = [f"{path}: {value}" for path, value in _flat(said)]
        answers.give_all("documents", items, "\n".join(lines))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field by its path, as ``--set`` takes it."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and "label" in value:
            yield path, _term(value)
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(_is_named(item) for item in value):
            for item in value:
                yield from _flat(item, f"{path}.{item['name']}.")
        elif key != "schema":
            yield path, "; ".join(map(_term, value)) if isinstance(value, list) else value


def _is_named(item: Any) -> bool:
    return isinstance(item, Mapping) and "name" in item


def _term(value: Any) -> str:
    if not isinstance(value, Mapping) or "label" not in value:
        return str(value)
    return f"{value['label']} <{value['id']}>" if value.get("id") else str(value["label"])


def _signals(answers: Answers, _: Lake, asset: Asset) -> None:
    said = [dict(one) for one in asset.manifest.signals]
    header = ("name", "kind", "size", "rate", "start", "stop", "unit", "coding", "description")
    coding = {one.name: coding_in_words(one) for one in coded(asset.manifest)}
    rows = (_signal_row(one, coding.get(one["name"])) for one in said)
    text = table(header, rows, ("rate", "start", "stop"))
    answers.give_all("signals", said, text, **_about(asset))


def _signal_row(said: Mapping[str, Any], coding: str | None) -> list[Any]:
    rate, start, stop = (said.get(name) for name in ("rate_hz", "start_s", "stop_s"))
    return [
        said["name"],
        said["kind"],
        _size(said),
        f"{rate:g} Hz" if rate else None,
        None if start is None else in_time(start),
        None if stop is None else in_time(stop),
        said.get("unit"),
        coding,
        said.get("description"),
    ]


def _size(said: Mapping[str, Any]) -> str:
    if said["kind"] == "timeseries":
        return f"{' × '.join(map(str, said['shape']))} {said['dtype']}"
    if said["kind"] == "events":
        return f"{counted(said['units'], 'unit')}, {counted(said['events'], 'event')}"
    if said["kind"] == "frames":
        return f"{said['frames']:,} frames"
    columns = said["columns"]
    more = ", …" if len(columns) > _CUT else ""
    return f"{said['rows']:,} rows of {', '.join(columns[:_CUT])}{more}"


def _versions(answers: Answers, lake: Lake, asset: Asset) -> None:
    manifests = lake.versions(asset.name)
    rows = [
        [m.version, m.created, in_bytes(m.stored_bytes), len(m.files), m.parent] for m in manifests
    ]
    text = table(("version", "created", "its own", "files", "parent"), rows, ("its own", "files"))
    answers.give_all("versions", map(_version, manifests), text, name=asset.name)


def _version(manifest: Manifest) -> dict[str, Any]:
    return {
        "version": manifest.version,
        "created": manifest.created,
        "parent": manifest.parent,
        "stored_bytes": manifest.stored_bytes,
        "files": len(manifest.files),
        "run": manifest.run,
    }


def _field(answers: Answers, asset: Asset, path: str) -> None:
    from panneuro.documents.fields import as_text

    with typed():
        value = asset.documents.get(path)
    if value in (None, (), ""):
        raise NotFoundError(
            f"{asset.name!r} says nothing of {path!r}",
            hint=f"panneuro show {asset.name} --documents   lists what it says",
        )
    answers.give({**_about(asset), "path": path, "value": _plain(value)}, as_text(value))


def _plain(value: Any) -> Any:
    """Return a document, a term or a list of them as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return (
        value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value
    )


_PARTS: dict[str, Callable[[Answers, Lake, Asset], None]] = {
    "files": _files,
    "documents": _documents,
    "signals": _signals,
    "versions": _versions,
}
