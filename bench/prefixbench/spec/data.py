"""Where the data folder ``tasks/`` stands: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path


def tasks_folder() -> Path:
    """The folder with sweeps, prefix cards, instructions and mismatches."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "tasks"
    return inside if inside.is_dir() else package.parent.parent / "tasks"
