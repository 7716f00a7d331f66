"""Append-only results: records, ledger, item tables and tidy frames."""

from prefixbench.results.run import Run, load_run

__all__ = ["Run", "load_run"]
