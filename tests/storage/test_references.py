from __future__ import annotations

from panneuro.storage.head import Head
from panneuro.storage.references import references


def test_small_objects_are_within_and_large_ones_are_where_they_lie():
    head = Head({"zarr.json": b"{}"}, {}, {"a/c/0": ("assets/x/1/a/c/0", 5, 10)})
    said = references("s3://bucket/lake/?region=eu-west-1", head)
    assert said == {
        "version": 1,
        "templates": {"lake": "s3://bucket/lake"},
        "refs": {"a/c/0": ["{{lake}}/assets/x/1/a/c/0", 5, 10], "zarr.json": "base64:e30="},
    }
