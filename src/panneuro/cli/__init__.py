"""The command line: one file a verb, each loaded when it is called.

The answer goes to stdout, the talk to stderr. `panneuro.cli.app` finds the command and turns
failures into messages and exit codes; `answers` and `options` are what commands share.
"""

from panneuro.cli.app import main

__all__ = ["main"]
