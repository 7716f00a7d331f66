"""The last stage: what came of a cell as files and one row, written by the process that holds the results folder."""

from __future__ import annotations

from pathlib import Path

from prefixbench.errors import ResultsError
from prefixbench.plan.cell import Cell
from prefixbench.results.hits import write_hits
from prefixbench.results.items import write_items
from prefixbench.results.ledger import append_row
from prefixbench.run.executor import Failure
from prefixbench.run.mteb_results import write_model_meta, write_task_result
from prefixbench.run.provenance import collect_provenance
from prefixbench.run.rows import make_failure, make_result
from prefixbench.run.session import EncodedCell
from prefixbench.run.stages import ScoredCell


def record_cell(
    folder: Path, cell: Cell, encoded: EncodedCell, scored: ScoredCell, warnings: tuple[str, ...]
) -> Failure | None:
    """Publish the files of a cell, then its row: the row is what makes it done.

    Returns:
        Why the cell's values have no place in a ledger, where that is so; it then has no row yet.

    Raises:
        ResultsError: The folder cannot be written to.
    """
    try:
        digests = write_items(folder, cell.cell_id, scored.items), write_hits(folder, cell.cell_id, scored.hits)
        write_task_result(folder, scored.result_path, scored.task_result)
        write_model_meta(folder, scored.result_path, scored.model_meta)
        provenance = collect_provenance(encoded.known.device, warnings)
        append_row(folder, make_result(cell, encoded, scored, digests, provenance))
    except ResultsError:
        raise
    except Exception as error:  # noqa: BLE001 - a value that cannot be written fails its own cell alone
        return Failure.of(error)
    return None


def record_failure(folder: Path, cell: Cell, failure: Failure, device: str, warnings: tuple[str, ...]) -> str:
    """Write the row of a cell that was tried and gave no score; returns its status.

    Raises:
        ResultsError: The folder cannot be written to.
    """
    row = make_failure(cell, failure, collect_provenance(device, warnings))
    append_row(folder, row)
    return row.status
