"""``prefixbench doctor``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("doctor")
def doctor_command(
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Cache folder.", envvar="PREFIXBENCH_CACHE", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Tell what this machine can run, and why not."""
    from prefixbench.run.machine import describe_machine, examine_machine, render_machine

    findings = examine_machine(cache)
    sys.stdout.write(json.dumps(describe_machine(findings)) + "\n" if as_json else render_machine(findings))
