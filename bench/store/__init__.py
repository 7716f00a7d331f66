"""Append-only results: records, ledger, item tables and tidy frames."""
