"""The verbs of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

VERBS: Mapping[str, str] = MappingProxyType(
    {
        "add": "Add recordings to a lake.",
        "find": "Find assets by what is in them.",
        "show": "Show what is known about an asset.",
        "get": "Read a signal or a file out of an asset.",
        "run": "Run a step on what a search finds.",
        "up": "Compute what is missing or stale.",
        "watch": "Keep pipelines and views up to date.",
        "lineage": "Show what an asset was made from, and what was made of it.",
        "reproduce": "Prove a result: make it again, and compare.",
        "bundle": "Freeze what a paper is made of, to be run again elsewhere.",
        "describe": "Say what files don't say: correct the documents of an asset.",
        "judge": "Say how good an asset is, or label its units by hand.",
        "check": "Verify that every byte is what it was.",
        "reindex": "Rebuild the index from the store alone.",
        "export": "Write an asset for other tools.",
        "view": "Show a table that keeps itself up to date.",
        "grant": "Say who may do what with what.",
        "token": "Make a token for a person or a rig, or a link for a reviewer.",
        "audit": "Show who did what: grants, sign-ins, refusals, downloads.",
        "cost": "Say what the lake costs, and will cost.",
        "serve": "Serve the lake's pages and its HTTP API.",
        "doctor": "Say whether everything here works.",
        "completion": "Print the completion script of a shell.",
    }
)
"""Every command with its one line of help, so that asking for help loads none of them."""

CALLED_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        word: verb
        for verb, words in {
            "add": "create import ingest init new push put upload",
            "find": "list ls query search",
            "show": "info inspect stat",
            "get": "cat download pull read",
            "check": "fsck validate verify",
            "describe": "annotate edit tag",
            "grant": "invite share",
            "view": "table",
        }.items()
        for word in words.split()
    }
)
"""What other programs call them."""
