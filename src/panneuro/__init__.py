"""panneuro."""
