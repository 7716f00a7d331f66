"""``prefixbench claims``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("claims")
def claims_command(
    runs: Annotated[list[Path] | None, typer.Argument(help="Results folders.", metavar="[RUN...]")] = None,
    *,
    folder: Annotated[Path | None, typer.Option(help="Claims of your own, one TOML file or more.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every claim and row, sources and plans.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """What others say a prefix does, and what runs say of it: confirmed, refuted, cannot tell or not run."""
    from prefixbench.claims import assess, load_claims
    from prefixbench.claims.screen import render_screen, to_json
    from prefixbench.results import load_run

    loaded = [load_run(path) for path in runs or ()]
    assessments = assess(load_claims(folder), loaded)
    names = [run.name for run in loaded]
    sys.stdout.write(to_json(assessments) if as_json else render_screen(assessments, names, everything=everything))
