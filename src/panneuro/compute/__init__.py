"""Steps, runs and pipelines: what is computed from a lake, on a laptop or a cluster."""
