"""``prefixbench plan`` and ``prefixbench sweep``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from prefixbench.cli.app import app
from prefixbench.cli.flags import SweepFlags, with_sweep_flags
from prefixbench.spec.sweep import Overwrite


@app.command("plan")
@with_sweep_flags
def plan_command(
    flags: SweepFlags, as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """Show every cell, the exact strings, what is cached and what it would cost; run nothing."""
    from prefixbench.run.outlook import describe_outlook, outlook_sweep
    from prefixbench.run.outlook_table import print_outlook

    spec = flags.load_spec()
    outlook = outlook_sweep(spec, flags.results_folder(spec), flags.cache)
    if as_json:
        sys.stdout.write(json.dumps(describe_outlook(outlook)) + "\n")
    else:
        print_outlook(outlook)


@app.command("sweep")
@with_sweep_flags
def sweep_command(
    flags: SweepFlags,
    overwrite: Annotated[Overwrite, typer.Option(help="What happens to cells already there.")] = Overwrite.ONLY_MISSING,
    workers: Annotated[int | None, typer.Option(help="Scoring processes; 0 scores in this one.", min=0)] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens to spend at endpoints; stops before.", min=1)] = None,
    max_cost: Annotated[float | None, typer.Option(help="Money to spend at endpoints; stops before.", min=0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document when done.")] = False,
    json_progress: Annotated[bool, typer.Option(help="Progress as JSON lines on stderr.")] = False,
) -> None:
    """Run a sweep, or go on with one; a bad cell never stops the rest."""
    from prefixbench.run.command import SweepOptions, run_command

    spec = flags.load_spec()
    options = SweepOptions(flags.results_folder(spec), flags.cache, overwrite, workers, max_tokens, max_cost)
    raise typer.Exit(run_command(spec, options, as_json=as_json, json_progress=json_progress))
