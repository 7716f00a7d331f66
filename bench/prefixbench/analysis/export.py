"""What ``prefixbench export`` writes: tidy tables, and mteb's own results layout."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.analysis.analyse import analyse
from prefixbench.analysis.compare import choose_settings
from prefixbench.analysis.explored import explore
from prefixbench.analysis.measured import measure_run
from prefixbench.analysis.rules import format_p
from prefixbench.errors import ResultsError, SpecError, describe_unknown_name
from prefixbench.files import write_bytes
from prefixbench.plain import escape_cell, escape_markdown
from prefixbench.results import load_run
from prefixbench.results.guard import locate_inside, read_inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefixbench.analysis.analyse import Analysis
    from prefixbench.analysis.explored import Further
    from prefixbench.analysis.settings import Asked
    from prefixbench.results import Run

SHOWN = [
    "model", "task", "hf_subset", "contrast", "delta_points", "ci_low_adjusted", "ci_high_adjusted", "p_adjusted",
    "family", "mde", "verdict",
]  # fmt: skip
"""Columns of the tables people read; CSV and Parquet hold all."""

FRAMES = ("contrasts", "tasks", "types", "models", "movers", "refusals")
FURTHER = ("drift", "rankings", "gains", "interactions", "type_differences", "doses")
"""Frames of `prefixbench.analysis.explored`."""


class ExportFormat(StrEnum):
    """What can be written."""

    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    LATEX = "latex"
    MTEB = "mteb"


def export_run(path: Path, kind: str, output: Path | None = None, asked: Asked | None = None) -> list[Path]:
    """Analyse a run and write it.

    Args:
        path: The results folder.
        kind: An `ExportFormat`.
        output: Folder to write to; ``export/FORMAT`` in the results folder where absent.
        asked: In place of what the run declares.

    Raises:
        SpecError: There is no such format.
        ResultsError: As `export_analysis` and `prefixbench.results.load_run`.
    """
    if kind not in ExportFormat.__members__.values():
        raise SpecError(describe_unknown_name("format", kind, [each.value for each in ExportFormat], "--format"))
    target = output or path / "export" / kind
    run = load_run(path)
    if kind == ExportFormat.MTEB:
        return [_copy_mteb(run, target)]
    settings = choose_settings(run, asked)
    is_whole = kind in (ExportFormat.CSV, ExportFormat.PARQUET)
    measurements = measure_run(run, settings, keep_resamples=is_whole)
    further = explore(run, settings, measurements) if is_whole else None
    return export_analysis(analyse(run, settings, measurements), ExportFormat(kind), target, further)


def export_analysis(analysis: Analysis, kind: ExportFormat, output: Path, further: Further | None = None) -> list[Path]:
    """Write an analysis as tables and return the files written.

    CSV and Parquet: one file a frame in the folder ``output``, those of further questions with them. Markdown and
    LaTeX: ``contrasts`` and ``models`` alone.
    """
    output.mkdir(parents=True, exist_ok=True)
    writers: dict[ExportFormat, tuple[str, tuple[str, ...], Callable[[pd.DataFrame, Path], None]]] = {
        ExportFormat.CSV: ("csv", FRAMES, _write_csv),
        ExportFormat.PARQUET: ("parquet", FRAMES, lambda frame, path: frame.to_parquet(path, index=False)),
        ExportFormat.MARKDOWN: ("md", ("contrasts", "models"), _write_markdown),
        ExportFormat.LATEX: ("tex", ("contrasts", "models"), _write_latex),
    }
    suffix, names, write = writers[kind]
    written = []
    frames = {name: getattr(analysis, name) for name in names}
    if further is not None:
        frames |= {name: getattr(further, name) for name in FURTHER}
    for name, frame in frames.items():
        path = output / f"{name}.{suffix}"
        write(frame, path)
        written.append(path)
    return written


def _copy_mteb(run: Run, output: Path) -> Path:
    """Copy the run's results in mteb's layout, as ``mteb.ResultCache(output)`` reads it.

    Raises:
        ResultsError: The run holds none, a link or a pipe stands among them, or something else stands at ``output``.
    """
    source = run.path / "mteb"
    if not source.is_dir():
        raise ResultsError(f"{run.path}: holds no results in mteb's layout (no folder 'mteb').")
    if output.exists() and any(output.iterdir()):
        raise ResultsError(f"{output}: is not empty; mteb's results are written to a new or empty folder.")
    for at, folders, files in os.walk(source, followlinks=False):
        for name in (*folders, *files):
            relative = (Path(at) / name).relative_to(run.path).as_posix()
            if locate_inside(run.path, relative).is_dir():
                continue
            content = read_inside(run.path, relative)
            if content is not None:
                write_bytes(output / Path(relative).relative_to("mteb"), content)
    for folder in output.glob("results/*/*/experiments/*"):
        if not (folder / "model_meta.json").exists():
            _describe_experiment(run, folder)
    return output


def _describe_experiment(run: Run, folder: Path) -> None:
    """Add what ``mteb.ResultCache`` asks of an experiment's folder, to runs written before it was kept.

    The folder's name is the experiment as mteb writes it, ``key_value`` by ``__``, with ``_`` for signs that no file
    name has; what a condition is really called stands in the ledger.
    """
    experiment = dict(part.split("_", 1) for part in folder.name.split("__") if "_" in part)
    conditions = {name.replace(":", "_"): name for cell in run.results for name in cell.conditions}
    models = {cell.model.replace("/", "__").replace(" ", "_"): cell.model for cell in run.results}
    experiment["condition"] = conditions.get(experiment.get("condition", ""), folder.name)
    name = folder.parents[2].name
    meta = {"name": models.get(name, name), "revision": folder.parents[1].name, "experiment_kwargs": experiment}
    (folder / "model_meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")


def _format_cells(frame: pd.DataFrame, escape: Callable[[str], str]) -> list[list[str]]:
    """Header and rows as text: points to two decimals, p-values to four, absent numbers empty."""
    shown = [name for name in SHOWN if name in frame] if "contrast" in frame else list(frame.columns)
    rows = [[escape(name) for name in shown]]
    for record in frame.to_dict("records"):
        cells = []
        for name in shown:
            value = record[name]
            if isinstance(value, float):
                digits = format_p(value) if name.startswith("p_") else f"{value:.2f}"
                cells.append("" if pd.isna(value) else escape(digits))
            else:
                cells.append(escape(str(value)))
        rows.append(cells)
    return rows


def escape_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose words no spreadsheet takes for a formula."""
    return frame.map(lambda value: escape_cell(value) if isinstance(value, str) else value)


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    escape_frame(frame).to_csv(path, index=False, lineterminator="\n")


def _write_markdown(frame: pd.DataFrame, path: Path) -> None:
    header, *rows = _format_cells(frame, escape_markdown)
    lines = ["| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


LATEX_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", "−": "$-$", "±": r"$\pm$",
    }
)  # fmt: skip


def _write_latex(frame: pd.DataFrame, path: Path) -> None:
    header, *rows = _format_cells(frame, lambda text: text.translate(LATEX_ESCAPES))
    is_number = [pd.api.types.is_float_dtype(frame[name.replace("\\_", "_")]) for name in header]
    lines = [
        f"\\begin{{tabular}}{{{''.join('r' if number else 'l' for number in is_number)}}}",
        "\\toprule",
        " & ".join(header) + r" \\",
        "\\midrule",
        *(" & ".join(cells) + r" \\" for cells in rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
