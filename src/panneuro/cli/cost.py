"""``panneuro cost``: where the money goes, and where it will go."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from panneuro.access.costs import BY, Costs
from panneuro.cli.answers import Answers
from panneuro.cli.options import answering, lake_option
from panneuro.cli.texts import in_bytes, table
from panneuro.core.fields import FIELDS
from panneuro.core.quantities import range_of
from panneuro.lake.lake import open_lake

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

_CENT = Decimal("0.01")


@click.command(short_help="Say what the lake costs, and will cost.")
@click.option(
    "--by",
    "by",
    type=click.Choice(BY),
    multiple=True,
    help="What a row is; given again, rows within rows.  [default: project]",
)
@click.option(
    "--since", metavar="DATE", default="", help="From this date on.  [default: this month]"
)
@click.option("--until", metavar="DATE", default="", help="Up to this date.  [default: now]")
@click.option("--csv", "style", flag_value="csv", help="Answer with a CSV table and its sum.")
@click.option(
    "--forecast", "months", type=click.IntRange(1, 120), help="So many months to come, instead."
)
@click.option("--budgets", "style", flag_value="budgets", help="How budgets stand, instead.")
@click.option(
    "--rules",
    "style",
    flag_value="rules",
    help="What life-cycle rules propose, and would save, instead.",
)
@click.option("--apply", "does", is_flag=True, help="With --rules: do it; never without.")
@click.option(
    "--prices", "style", flag_value="prices", help="The prices, and whose they are, instead."
)
@lake_option
@answering(items=True)
def command(
    answers: Answers,
    by: tuple[str, ...],
    since: str,
    until: str,
    style: str | None,
    months: int | None,
    does: bool,
    lake: str | None,
) -> None:
    """Say what the lake costs: storage, requests, egress, computing.

    It is counted from what is on record: the manifests of assets, the records of runs, the audit of
    what was served. Every table adds up to the same total, to the cent. Prices are a provider's
    public list unless [prices] in lake.toml says others.

    \b
    panneuro cost
    panneuro cost --by month
    panneuro cost --by project --by asset --since 2026-05 --until 2026-05 --csv
    panneuro cost --forecast 12
    panneuro cost --rules --apply
    """
    if does and style != "rules":
        raise click.UsageError("--apply goes with --rules")
    opened = open_lake(lake)
    if months:
        _forecast(answers, opened, months)
    elif style == "budgets":
        _budgets(answers, opened)
    elif style == "rules":
        _rules(answers, opened, does=does)
    elif style == "prices":
        _prices(answers, opened)
    else:
        costs = opened.cost(by or "project", **_period(since, until))
        _costs(answers, opened, costs, as_csv=style == "csv")


def _period(since: str, until: str) -> dict[str, datetime]:
    date = FIELDS["date"]
    found = {}
    if since:
        found["since"] = range_of(date, "=", since, f"--since {since}").low
    if until:
        found["until"] = range_of(date, "=", until, f"--until {until}").high
    return {name: datetime.fromtimestamp(moment, UTC) for name, moment in found.items()}


def _costs(answers: Answers, lake: Lake, costs: Costs, *, as_csv: bool) -> None:
    if as_csv:
        if not answers.is_text:
            raise click.UsageError(f"--csv does not go with --{answers.form}")
        answers.give({}, costs.to_csv().rstrip("\n"))
        return
    numbers = (*costs.kinds, "total")
    rows = [list(record.values()) for record in costs.records()]
    text = table((*costs.by, *numbers), rows, numbers) if rows else None
    said = costs.to_json()
    answers.give_all(
        "rows", said["rows"], text, by=said["by"], currency=said["currency"], total=said["total"]
    )
    answers.say(f"{costs.total} {costs.currency} in all")
    if saved := lake.ledger.saved_per_year():
        answers.say(f"coding saves {saved} {costs.currency} a year")


def _forecast(answers: Answers, lake: Lake, months: int) -> None:
    found = lake.ledger.forecast(months)
    items = [
        {
            "month": one.month,
            "storage": str(one.storage),
            "use": str(one.use),
            "total": str(one.total),
        }
        for one in found
    ]
    columns = ("month", "storage", "use", "total")
    text = table(columns, [list(item.values()) for item in items], columns[1:])
    answers.give_all("months", items, text, currency=lake.ledger.book.currency)
    answers.say("if the next months are like the last three whole ones")


def _budgets(answers: Answers, lake: Lake) -> None:
    items = [
        {
            "for": one.budget.scope,
            "spent": str(one.spent.quantize(_CENT)),
            "per_month": str(one.budget.per_month),
            "state": one.state,
        }
        for one in lake.ledger.budgets()
    ]
    columns = ("for", "spent", "per_month", "state")
    rows = [list(item.values()) for item in items]
    text = table(columns, rows, ("spent", "per_month")) if rows else None
    answers.give_all("budgets", items, text, currency=lake.ledger.book.currency)
    if not items:
        answers.say("no budgets: [budgets] with total = 1000, in lake.toml")


def _rules(answers: Answers, lake: Lake, *, does: bool) -> None:
    from panneuro.compute.recomputing import apply
    from panneuro.lake.retiring import proposals

    items: list[dict[str, Any]] = [
        {
            "name": one.name,
            "version": one.version,
            "do": f"{one.rule.do} {one.rule.tier}".strip(),
            "bytes": one.n_bytes,
            "saved_per_month": str(one.saved_per_month.quantize(_CENT)),
            "kept_because": one.kept_because,
        }
        for one in (apply if does else proposals)(lake)
    ]
    rows = [[*list(item.values())[:3], in_bytes(item["bytes"]), *list(item.values())[4:]]
            for item in items]  # fmt: skip
    columns = ("name", "version", "do", "bytes", "saved_per_month", "kept_because")
    text = table(columns, rows, ("bytes", "saved_per_month")) if rows else None
    answers.give_all("proposals", items, text, currency=lake.ledger.book.currency)
    saved = sum(Decimal(item["saved_per_month"]) for item in items if not item["kept_because"])
    end = "; done" if does else "; nothing is done without --apply"
    answers.say(
        f"{'saves' if does else 'would save'} {saved} {lake.ledger.book.currency} a month{end}"
    )


def _prices(answers: Answers, lake: Lake) -> None:
    book = lake.ledger.book
    items = [
        {
            "name": tier.name,
            "price": str(round(tier.per_tb_month, 4)),
            "unit": "10**12 bytes for a month",
            "source": tier.source,
            "as_of": tier.as_of,
        }
        for tier in book.tiers.values()
    ]
    items += [
        {
            "name": rate.name,
            "price": str(round(rate.price, 4)),
            "unit": rate.unit,
            "source": rate.source,
            "as_of": rate.as_of,
        }
        for rate in book.rates.values()
    ]
    columns = ("name", "price", "unit", "source", "as_of")
    text = table(columns, [list(item.values()) for item in items], ("price",))
    answers.give_all("prices", items, text, currency=book.currency, kept=book.kept)
