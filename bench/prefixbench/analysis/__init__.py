"""Contrasts, paired inference, pooling and verdicts."""

from prefixbench.analysis.analyse import Analysis, analyse
from prefixbench.analysis.library import AnalysedRun
from prefixbench.analysis.rules import Verdict
from prefixbench.analysis.settings import AnalysisSettings

__all__ = ["AnalysedRun", "Analysis", "AnalysisSettings", "Verdict", "analyse"]
