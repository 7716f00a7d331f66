"""Contrasts, paired inference, pooling and verdicts."""

from prefixbench.analysis.analyse import Analysis, analyse
from prefixbench.analysis.library import AnalysedRun
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.analysis.verdicts import Verdict

__all__ = ["AnalysedRun", "Analysis", "AnalysisSettings", "Verdict", "analyse"]
