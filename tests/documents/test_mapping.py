from __future__ import annotations

from panneuro.documents.mapping import STANDARDS, mapping
from panneuro.documents.slots import SLOTS


def test_every_field_is_mapped_once_in_order():
    fields = [
        f"{kind}.{name}"
        for kind, model in SLOTS.items()
        for name in model.model_fields
        if name not in ("schema_", "extensions")
    ]
    assert sorted(one.path for one in mapping()) == sorted(fields)


def test_every_field_has_a_counterpart_somewhere():
    for one in mapping():
        assert one.names, one.path
        assert set(one.names) <= set(STANDARDS)
