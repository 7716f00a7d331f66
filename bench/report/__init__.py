"""Figures, tables and the page."""

from bench.report.chart import write_charts
from bench.report.command import report_runs
from bench.report.inputs import ReportOptions
from bench.report.page import build_report, build_sections, list_charts, render_page, write_report

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
