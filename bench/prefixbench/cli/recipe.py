"""``prefixbench recipe``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("recipe")
def recipe_command(
    run: Annotated[Path, typer.Argument(help="A results folder.", metavar="RUN")],
    *,
    model: Annotated[str | None, typer.Option(help="Which model, where the run holds several.")] = None,
    tool: Annotated[
        str | None, typer.Option("--for", metavar="TOOL", help="Settings of one tool alone; card: for a model card.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Print the strings that won, why, and settings to paste."""
    from prefixbench.report.recipe import load_recipe, recipe_to_json, render_recipe

    recipe = load_recipe(run, model)
    document = json.dumps(recipe_to_json(recipe), ensure_ascii=False, indent=2) + "\n"
    sys.stdout.write(document if as_json else render_recipe(recipe, tool))
