"""``prefixbench publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("publish")
def publish_command(run: Annotated[Path, typer.Argument(help="A results folder; it is changed in place.")]) -> None:
    """Take data sets' texts out of a results folder, so that it can be passed on where their licence forbids copies."""
    from prefixbench.results.publish import drop_texts

    dropped = drop_texts(run)
    typer.echo(f"{run}: texts dropped from {dropped} cells; scores, prefixes and counts stay.")
