"""The OpenAPI document says what there is, and what is answered is what it says."""

from __future__ import annotations

import jsonschema
import pytest


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def test_every_reference_leads_somewhere(document):
    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                assert value["$ref"].rpartition("/")[2] in document["components"]["schemas"]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(document)
    assert document["openapi"].startswith("3.1")


def test_every_door_is_there_and_says_what_it_does(document):
    assert {"/assets", "/assets/{name}", "/assets/{name}/signals/{signal}", "/store/{key}"} <= set(
        document["paths"]
    )
    for path, item in document["paths"].items():
        assert all(operation["summary"] for operation in item.values()), path


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/assets", "/assets"),
        ("/assets/{name}", "/assets/{asset}"),
        ("/assets/{name}/documents", "/assets/{asset}/documents"),
        ("/assets/{name}/versions", "/assets/{asset}/versions"),
        ("/assets/{name}/files", "/assets/{asset}/files"),
        ("/assets/{name}/signals", "/assets/{asset}/signals"),
        ("/assets/{name}/signals/{signal}", "/assets/{asset}/signals/trials"),
        (
            "/assets/{name}/signals/{signal}/window",
            "/assets/{asset}/signals/ap/window?t0=0&t1=1&px=5",
        ),
        (
            "/assets/{name}/signals/{signal}/window",
            "/assets/{asset}/signals/units/window?t0=0&t1=1&px=5",
        ),
        (
            "/assets/{name}/signals/{signal}/units/{unit}",
            "/assets/{asset}/signals/units/units/101",
        ),
        ("/health", "/health"),
        ("/complete", "/complete?prefix=sp"),
    ],
)
def test_answers_are_as_described(client, document, name, path, place):
    said = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    schema = {**said["schema"], "components": document["components"]}
    answer = client.get(place.format(asset=name))
    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json(), schema)
