"""Figures, tables and the page."""

from prefixbench.report.chart import write_charts
from prefixbench.report.command import report_runs
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.page import build_report, build_sections, list_charts, render_page, write_report

__all__ = [
    "ReportOptions",
    "build_report",
    "build_sections",
    "list_charts",
    "render_page",
    "report_runs",
    "write_charts",
    "write_report",
]
