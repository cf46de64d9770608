"""Pipelines that come with panneuro: steps from a raw asset to tables and figures."""
