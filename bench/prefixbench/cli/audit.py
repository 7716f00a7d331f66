"""``prefixbench audit``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("audit")
def audit_command(
    run: Annotated[Path, typer.Argument(help="A results folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, with token ids.")] = False,
) -> None:
    """Show what reached the model: prefixes, their tokens, truncation, and the texts as sent."""
    from prefixbench.results import load_run
    from prefixbench.run.audit_table import describe_audit, print_audit

    loaded = load_run(run)
    if as_json:
        sys.stdout.write(json.dumps(describe_audit(loaded)) + "\n")
    else:
        print_audit(loaded)
        sys.stdout.writelines(f"{line}\n" for line in loaded.describe_history())
