"""The index over assets: an embedded one in a file, and a snapshot that is searched in a bucket.

`panneuro.core.catalog.Catalog` is the seam; `SqliteCatalog` the embedded implementation. Searching
a Parquet snapshot is in `panneuro.catalog.snapshot`, which alone needs pyarrow.
"""

from panneuro.catalog.sqlite import SqliteCatalog

__all__ = ["SqliteCatalog"]
