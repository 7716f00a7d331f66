"""``prefixbench doctor``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import CacheOption, app


@app.command("doctor")
def doctor_command(
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask an endpoint what it really does.", show_default=False)
    ] = None,
    model: Annotated[str, typer.Option(help="The model's name there.")] = "default",
    backend: Annotated[str | None, typer.Option(help="The kind of endpoint; openai by default.")] = None,
    like: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The model it is said to serve, to judge it by.")
    ] = None,
    cache: CacheOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Tell what this machine can run, and why not; or what an endpoint really does."""
    if endpoint is not None or backend is not None:
        _examine_endpoint(endpoint, model, backend, like, cache, as_json=as_json)
        return
    from prefixbench.run.machine import describe_machine, examine_machine, render_machine

    findings = examine_machine(cache)
    sys.stdout.write(json.dumps(describe_machine(findings)) + "\n" if as_json else render_machine(findings))


def _examine_endpoint(
    endpoint: str | None, model: str, backend: str | None, like: str | None, cache: Path | None, *, as_json: bool
) -> None:
    from prefixbench.files import default_cache_folder
    from prefixbench.run.endpoint_doctor import describe_answers, examine_endpoint, render_answers
    from prefixbench.spec.sweep import ModelSpec

    spec = ModelSpec(name=model, endpoint=endpoint, backend=backend, like=like)
    answers = examine_endpoint(spec, (cache or default_cache_folder()).expanduser())
    sys.stdout.write(json.dumps(describe_answers(answers)) + "\n" if as_json else render_answers(answers))
    if not all(answer.is_sound for answer in answers):
        raise typer.Exit(1)
