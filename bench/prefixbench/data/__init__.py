"""Data of the user's own as tasks: found, checked, kept as tables, and handed to mteb."""

from __future__ import annotations

from prefixbench.data.facts import describe_data, expand_data, load_data_task
from prefixbench.data.prepare import prepare_data

__all__ = ["describe_data", "expand_data", "load_data_task", "prepare_data"]
