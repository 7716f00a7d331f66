"""Contrasts, paired inference, pooling and verdicts."""

from bench.analysis.analyse import Analysis, analyse
from bench.analysis.library import AnalysedRun, load_run
from bench.analysis.settings import AnalysisSettings
from bench.analysis.verdicts import Verdict

__all__ = ["AnalysedRun", "Analysis", "AnalysisSettings", "Verdict", "analyse", "load_run"]
