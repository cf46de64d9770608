"""``panneuro serve``: the lake as pages and as an HTTP interface."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from panneuro.cli.answers import Answers
from panneuro.cli.options import answering, lake_option
from panneuro.core.errors import InputError
from panneuro.lake.lake import open_lake

if TYPE_CHECKING:
    from panneuro.portal.signing import Provider


@click.command(short_help="Serve the lake's pages and its HTTP API.")
@lake_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on: this machine's."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any that is free.",
)
@click.option(
    "--public-url",
    metavar="URL",
    default="",
    help="How others reach it, through a proxy: https://lake.example.",
)
@click.option(
    "--issuer",
    metavar="URL",
    default="",
    help="Who vouches for people who sign in: the issuer of an OpenID Connect provider.",
)
@click.option(
    "--client-id",
    default="",
    help="What the provider knows this server by; its secret is in PANNEURO_OIDC_SECRET.",
)
@click.option(
    "--groups",
    metavar="CLAIM",
    default="groups",
    show_default=True,
    help="Where the provider names a person's groups.",
)
@click.option("--title", default="", help="What the lake is called on its pages.")
@click.option(
    "--through",
    is_flag=True,
    help="Send all data through this server, never by links to the store itself.",
)
@answering()
def command(
    answers: Answers,
    lake: str | None,
    host: str,
    port: int,
    public_url: str,
    issuer: str,
    client_id: str,
    groups: str,
    title: str,
    through: bool,
) -> None:
    """Serve the lake's pages and its HTTP API until interrupted.

    \b
    panneuro serve --lake FOLDER        then open http://127.0.0.1:8000

    Only this machine can reach it, unless there is sign-in:

    \b
    panneuro serve --public-url https://lake.example --issuer https://login.example \\
        --client-id panneuro        with PANNEURO_OIDC_SECRET in the environment
    """
    from panneuro.portal.serving import serve

    def tell(address: str) -> None:
        answers.say(
            f"serving; interrupt to stop (ctrl-C)\nuse it: panneuro.open('{address}/store')"
        )
        answers.give({"url": address}, address)

    serve(
        open_lake(lake),
        host=host,
        port=port,
        public_url=public_url,
        title=title,
        direct=not through,
        provider=_provider(issuer, client_id, groups),
        ready=tell,
    )


def _provider(issuer: str, client_id: str, groups: str) -> Provider | None:
    """Return who vouches for people, None where nobody is named."""
    secret = os.environ.get("PANNEURO_OIDC_SECRET", "")
    if not issuer and not client_id:
        return None
    if not (issuer and client_id and secret):
        raise InputError(
            "signing in needs an issuer, a client id and the client's secret",
            hint="--issuer https://… --client-id ID, and PANNEURO_OIDC_SECRET in the environment",
        )
    from panneuro.portal.signing import Provider

    return Provider(issuer, client_id, secret, groups)
