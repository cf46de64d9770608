"""Every operation of the interface, asked what its document allows and forbids, by anybody.

``PANNEURO_FUZZ=500`` asks each operation so often, at random.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from panneuro.portal.app import Hosting, make_app
from panneuro.portal.signing import Provider

HOST = "lake.example"
ORIGIN = f"https://{HOST}"
DEEP = int(os.environ.get("PANNEURO_FUZZ", "0"))
ASKED = settings(
    max_examples=DEEP or 6,
    derandomize=not DEEP,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink) if DEEP else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
LIBERAL = [positive_data_acceptance]
"""What a search or a moment means is no matter of a schema: some texts that fit it are refused."""


@dataclass(frozen=True)
class Served:
    """A lake behind its interface, what some say who they are with, and what it has."""

    schema: schemathesis.BaseSchema
    headers: dict[str, dict[str, str]]
    parts: dict[str, list[str]]


@pytest.fixture(scope="module")
def served(copied, name, described):
    """Return a copy of the lake, served in this process."""
    access, day = copied.access, timedelta(days=1)
    access.grant("everyone", "reader", "project=gratings")
    access.grant("ada@uni.edu", "reader", "")
    access.grant("owner@uni.edu", "owner", "")
    secrets = {
        "reader": access.token("ada@uni.edu", day).secret,
        "owner": access.token("owner@uni.edu", day, role="owner").secret,
    }
    provider = Provider("https://login.example", "id", "secret")
    app = make_app(copied, Hosting(public_url=ORIGIN, provider=provider))
    asset = copied[name]
    parts = {
        "name": [name, described, f"{name}@{asset.version}"],
        "signal": list(asset.signals),
        "unit": ["100", "101"],
        "path": [file.path for file in asset.files][:3],
        "key": ["lake.toml", asset.manifest.key_of(asset.files[0]), "catalog/newest"],
        "kind": ["nwb"],
    }
    return Served(
        schemathesis.openapi.from_asgi("/openapi.json", app, headers={"host": HOST}),
        {
            "nobody": {},
            **{who: {"Authorization": f"Bearer {said}"} for who, said in secrets.items()},
        },
        parts,
    )


def operations(served):
    """Yield every operation, with the ways in which it can be asked: rightly and wrongly."""
    for found in served.schema.get_all_operations():
        operation = found.ok()
        yield operation, GenerationMode.POSITIVE
        if operation.query or operation.body:
            yield operation, GenerationMode.NEGATIVE


@pytest.mark.parametrize("who", ["nobody", "reader", "owner"])
def test_operations_keep_to_their_document(served, who):
    for operation, mode in operations(served):

        @ASKED
        @given(case=operation.as_strategy(mode), data=st.data())
        def check(case, data):
            for part in case.path_parameters or ():
                there = served.parts.get(part, ())
                asked = data.draw(st.sampled_from([case.path_parameters[part], *there]))
                case.path_parameters[part] = asked
            case.call_and_validate(
                base_url=ORIGIN, headers=served.headers[who], excluded_checks=LIBERAL
            )

        check()
