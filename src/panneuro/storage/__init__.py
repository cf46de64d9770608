"""Signals as Zarr and Parquet, and keys as bytes: how an asset lies in a store."""
