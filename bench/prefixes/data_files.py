"""Where the data the user may edit stands: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path


def tasks_folder() -> Path:
    """The folder ``tasks/`` of the checkout, else the copy a wheel carries."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "tasks"
    return checkout if (checkout / "prefixes").is_dir() else package / "tasks"
