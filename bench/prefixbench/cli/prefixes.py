"""``prefixbench prefixes``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app


@app.command("prefixes")
def prefixes_command(
    model: Annotated[str | None, typer.Argument(help="A model's name; all models where absent.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="A task to resolve, with the rule that decided.")] = None,
    conditions: Annotated[str | None, typer.Option(help="Conditions to show; all where absent.")] = None,
    prefix: Annotated[list[str] | None, typer.Option(help='Your own: NAME:query="…",document="…".')] = None,
    cards: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Prefix cards of your own.")] = None,
    disagreements: Annotated[bool, typer.Option(help="Where mteb's registry and the cards differ.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every model, task type, source and reason.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what each condition sends, exactly, and where that is documented."""
    from prefixbench.plan.prefix_tables import PrefixRequest, answer_prefixes
    from prefixbench.starter import starter_facts
    from prefixbench.starter.models import MINILM, embedded_models, locate_model

    # Every embedded model has the tokenizer of the first, so none has to be put together to be asked for it.
    folder = locate_model(MINILM.name) if model in embedded_models() else None
    request = PrefixRequest(
        model,
        tuple(task or ()),
        conditions,
        tuple(prefix or ()),
        disagreements,
        everything,
        starter_facts(),
        {model: folder} if model and folder else {},
        cards,
    )
    answer = answer_prefixes(request)
    sys.stdout.write(json.dumps(answer.data, indent=2) + "\n" if as_json else answer.text)
