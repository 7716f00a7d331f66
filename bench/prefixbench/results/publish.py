"""Taking the data sets' own texts out of a results folder, so that scores can be passed on where texts cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from prefixbench.results.guard import hold_folder, locate_inside, write_inside
from prefixbench.results.ledger import LEDGER, Row, encode_row, read_rows
from prefixbench.results.records import CellResult
from prefixbench.results.run import load_run
from prefixbench.results.texts import TEXTS


def drop_texts(folder: Path) -> int:
    """Remove item texts and the samples of texts as sent; scores, prefixes, counts and digests stay.

    Args:
        folder: A results folder; its ledger is replaced as a whole, so a crash leaves the old one.

    Returns:
        Cells whose samples were dropped.

    Raises:
        ResultsError: The folder is none of ours, or a sweep is writing there.
    """
    load_run(folder)
    with hold_folder(folder):
        rows = read_rows(folder)
        kept = [_without_samples(row) for row in rows]
        write_inside(folder, LEDGER, b"".join(map(encode_row, kept)))
        locate_inside(folder, TEXTS).unlink(missing_ok=True)
    return sum(before != after for before, after in zip(rows, kept, strict=True))


def _without_samples(row: Row) -> Row:
    if not isinstance(row, CellResult):
        return row
    return row.model_copy(update={"audit": tuple(replace(one, samples=()) for one in row.audit)})
