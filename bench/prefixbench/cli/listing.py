"""``prefixbench list``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("list")
def list_command(
    kind: Annotated[str, typer.Argument(help="models, tasks, presets or conditions.", metavar="KIND")],
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Only what has these: part of a name, a family, a task type, a mechanism.", metavar="WORD"),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every one, however many.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Name what a sweep can be made of: models, tasks, presets, conditions."""
    from prefixbench.plan.listing import Embedded, list_entries, render_entries
    from prefixbench.starter import embedded_models, starter_facts

    entries = list_entries(kind, words or [], Embedded(tuple(embedded_models()), starter_facts()))
    if as_json:
        sys.stdout.write(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(render_entries(kind, entries, words or [], everything=everything))
