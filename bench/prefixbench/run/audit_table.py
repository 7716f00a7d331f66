"""``prefixbench audit``: what reached the model, cell by cell."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from prefixbench.results import Run
from prefixbench.results.records import CellResult
from prefixbench.spec.visible import show_whitespace
from prefixbench.vectors.embedder import RoleAudit


def print_audit(run: Run, console: Console | None = None) -> None:
    """Each cell's audited roles: prefix, its tokens, truncation, pooling, and the first text as it was sent."""
    console = console or Console()
    wide = console if console.is_terminal else Console(width=180)
    table = Table(title=f"what was sent in {run.name}", title_justify="left")
    for heading in (
        "model",
        "task",
        "condition",
        "role",
        "prefix",
        "tokens",
        "texts",
        "truncated",
        "pushed out",
        "sent first",
    ):
        table.add_column(heading, overflow="fold", justify="right" if heading in _NUMBERS else "left")
    for row in run.results:
        for audit in row.audit:
            table.add_row(*(Text(cell) for cell in _cells(row, audit)))
    wide.print(table)


_TEXTS = ("model", "task", "condition", "role", "prefix")
_NUMBERS = ("tokens", "texts", "truncated", "pushed out")


def _cells(row: CellResult, audit: RoleAudit) -> tuple[str, ...]:
    extras = [show_whitespace(audit.prefix)]
    extras += [] if audit.prefix_in_pooling else ["left out of pooling"]
    extras += [f"adapter {audit.adapter}"] if audit.adapter else []
    extras += [f"{key}={value}" for key, value in audit.api.items()]
    first = show_whitespace(audit.samples[0].text[:80]) if audit.samples else ""
    return (
        row.model,
        row.task if row.hf_subset == "default" else f"{row.task}:{row.hf_subset}",
        " = ".join(row.conditions),
        audit.role,
        ", ".join(extras),
        _count(audit.prefix_tokens),
        f"{audit.n_texts:,}",
        _count(audit.n_truncated),
        _count(audit.tokens_pushed_out),
        first,
    )


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def describe_audit(run: Run) -> list[dict[str, object]]:
    """The same as JSON values, with every sample and its token ids."""
    return [
        {
            "cell_id": row.cell_id,
            "model": row.model,
            "task": row.task,
            "hf_subset": row.hf_subset,
            "hf_split": row.hf_split,
            "conditions": list(row.conditions),
            "roles": [asdict(audit) for audit in row.audit],
        }
        for row in run.results
    ]
