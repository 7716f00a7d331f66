"""The report: one screen that answers, the evidence behind it, one file."""

from prefixbench.report.command import report_runs
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.page import build_report, write_report

__all__ = ["ReportOptions", "build_report", "report_runs", "write_report"]
