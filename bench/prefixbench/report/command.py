"""From run folders to what is read: the page, its Markdown, its picture, its figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.analysis import analyse
from prefixbench.analysis.compare import Selection, choose_settings, find_pairs
from prefixbench.files import write_bytes
from prefixbench.report.answer import Answer, build_answer
from prefixbench.report.evidence import Evidence, gather_evidence
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.markdown import render_markdown
from prefixbench.report.page import describe_extent, render_page, write_report
from prefixbench.report.selection import (
    check_selection,
    choose_pair,
    describe_selection,
    name_page,
    narrow_analysis,
    narrow_run,
)
from prefixbench.results import load_run
from prefixbench.results.bulk import pause_collection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.analysis.settings import Asked


@dataclass(frozen=True, slots=True)
class Report:
    """Runs, analysed and brought into words; every form of the report is made from one."""

    evidence: Evidence
    answer: Answer

    @property
    def extent(self) -> str:
        """Run, model, how much was measured, and when."""
        return describe_extent(self.evidence, self.answer)

    def render_html(self) -> str:
        """The page."""
        return render_page(self.evidence, self.answer)

    def render_markdown(self) -> str:
        """The first screen as Markdown."""
        return render_markdown(self.answer, self.extent, self.evidence.options.selection)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written where.

    Attributes:
        page: The HTML file; ``report.html`` in the run's folder where absent, or here for several runs.
        card: A PNG of the first screen.
        markdown: The first screen as Markdown.
        figures: A folder for every figure as PDF, PNG and CSV.
    """

    page: Path | None = None
    card: Path | None = None
    markdown: Path | None = None
    figures: Path | None = None


def load_report(
    folders: Sequence[Path], asked: Asked | None = None, selection: Selection | None = None, *, texts: bool = True
) -> Report:
    """Read and analyse one or more run folders.

    Args:
        folders: The runs.
        asked: Of the analysis, in place of what each run declares.
        selection: What part of them the report is about.
        texts: Whether items are quoted where their licence allows it.

    Raises:
        ResultsError: A folder is no run of ours.
        SpecError: The selection names what no run holds.
    """
    selection = selection or Selection()
    runs = [load_run(folder) for folder in folders]
    check_selection(selection, runs)
    pairs = [find_pairs(run, selection) for run in runs]
    analyses = [
        narrow_analysis(analyse(run, choose_settings(run, asked, own)), selection, own)
        for run, own in zip(runs, pairs, strict=True)
    ]
    options = ReportOptions(
        texts=texts,
        pair=choose_pair(selection, runs),
        ladders=selection.contrast is None,
        selection=describe_selection(selection),
    )
    evidence = gather_evidence([narrow_run(run, selection) for run in runs], analyses, options)
    return Report(evidence, build_answer(evidence))


@pause_collection()
def report_runs(
    folders: Sequence[Path],
    outputs: Outputs | None = None,
    asked: Asked | None = None,
    selection: Selection | None = None,
    *,
    texts: bool = True,
) -> tuple[Path, ...]:
    """Write the report of one or more run folders, side by side in this order.

    Args:
        folders: The runs.
        outputs: What is written where.
        asked: Of the analysis, in place of what each run declares.
        selection: What part of them the report is about; such a page has a name of its own.
        texts: Whether items are quoted where their licence allows it.

    Returns:
        The files written, the page first.

    Raises:
        ResultsError: A folder is no run of ours.
        SpecError: The selection names what no run holds.
    """
    outputs = outputs or Outputs()
    report = load_report(folders, asked, selection, texts=texts)
    page = outputs.page or (folders[0] if len(folders) == 1 else Path()) / name_page(selection or Selection())
    write_report(page, report.render_html())
    written = [page]
    if outputs.markdown is not None:
        write_bytes(outputs.markdown, report.render_markdown().encode())
        written.append(outputs.markdown)
    if outputs.card is not None or outputs.figures is not None:
        from prefixbench.report.figures import write_card, write_figures

        if outputs.card is not None:
            write_card(report.answer, report.extent, outputs.card)
            written.append(outputs.card)
        written += write_figures(report.answer, outputs.figures) if outputs.figures is not None else []
    return tuple(written)


def close_sweep(folder: Path, *, everything: bool = False) -> str:
    """Write a run's report into its folder; returns its first screen for a terminal.

    Raises:
        PrefixbenchError: The folder cannot be read, or the page cannot be written.
    """
    from prefixbench.report.summary import render_summary

    report = load_report([folder])
    page = folder / "report.html"
    write_report(page, report.render_html())
    return render_summary(report.evidence, report.answer, page, everything=everything)
