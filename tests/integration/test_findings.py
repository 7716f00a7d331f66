"""The findings page is what its command makes of the committed results."""

from __future__ import annotations

import re
from pathlib import Path

from prefixbench.results import load_run
from prefixbench.twins.findings_page import COMMAND, HEADLINES, find, render_findings

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_page_is_made_from_the_committed_results() -> None:
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    command = re.search(rf"`{COMMAND} ([^`]+)`", page)
    assert command is not None
    runs = [load_run(ROOT / name) for name in command[1].split()]
    assert [run.name for run in runs] == ["twins", "twins-mteb"]
    made = render_findings(find(runs), "findings.png").replace(f"{ROOT}/", "")
    assert made == page
    assert (ROOT / "docs" / "findings.png").is_file()
    lead = page.split("![")[0]
    assert lead.count("\n- ") == len(HEADLINES)
    assert page.count("<details>") == page.count("</details>") == page.count("### On")
