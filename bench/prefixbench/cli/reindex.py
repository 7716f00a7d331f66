"""``prefixbench reindex``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("reindex")
def reindex_command(
    run: Annotated[Path, typer.Argument(help="A results folder.", metavar="RUN")],
    *,
    model: Annotated[str | None, typer.Option(help="Which model, where the run holds several.")] = None,
    documents: Annotated[
        int | None, typer.Option(help="Documents in the index; as many as the run's if absent.")
    ] = None,
    price: Annotated[float | None, typer.Option(help="What a million tokens cost; the run's own if absent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Keep an index built without the prefix, embed it again, or do so in the background; what it takes."""
    from prefixbench.report.reindex import load_reindex
    from prefixbench.report.reindex_words import reindex_to_json, render_reindex

    answer = load_reindex(run, model, documents, price)
    document = json.dumps(reindex_to_json(answer), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    sys.stdout.write(document if as_json else render_reindex(answer))
