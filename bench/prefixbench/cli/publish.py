"""``prefixbench publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("publish")
def publish_command(run: Annotated[Path, typer.Argument(help="A results folder; it is changed in place.")]) -> None:
    """Make a results folder fit to be passed on: without data sets' texts, absolute paths and reports that quote."""
    from prefixbench.results.publish import publish_folder

    n_cells = publish_folder(run)
    typer.echo(
        f"{run}: texts dropped from {n_cells} cells; scores, prefixes and counts stay. Reports and exports were "
        f"removed: prefixbench report {run} writes the report again."
    )
