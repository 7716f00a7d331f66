"""Writes ``docs/answer.md``, its figures and its manifest from committed runs: ``python docs/make_answer.py``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.answer.page import main

if __name__ == "__main__":
    main()
