"""``prefixbench merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("merge")
def merge_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Results folders of one plan, such as shards.")],
    results: Annotated[Path, typer.Option(help="The results folder to make.")],
) -> None:
    """Join the shares of a sweep; runs whose plans differ are refused."""
    from prefixbench.run.merge import merge_runs

    merged = merge_runs(runs, results)
    typer.echo(f"{results}: {merged.describe()}")
