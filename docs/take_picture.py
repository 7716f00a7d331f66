"""Takes the pictures of the docs from a report: ``python docs/take_picture.py [REPORT]``.

The first screen, light, dark and on a phone; where no report is named, of a model that people use, from
`results/answer`.

Needs the development group (Playwright) and a Chromium on the path or in ``PREFIXBENCH_BROWSER``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

MODEL = "google/embeddinggemma-300m"
ROOT = Path(__file__).parents[1]
SHOTS = {
    "report.png": ({"width": 1280, "height": 800}, "light"),
    "report-dark.png": ({"width": 1280, "height": 800}, "dark"),
    "report-phone.png": ({"width": 375, "height": 812}, "light"),
}
"""File to size of the screen in CSS pixels and the reader's colour scheme."""


def take_pictures(report: Path, folder: Path) -> None:
    """Write the first screen of a report as PNG: light, dark and on a phone."""
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    path = os.environ.get("PREFIXBENCH_BROWSER") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        for name, (size, scheme) in SHOTS.items():
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(report.resolve().as_uri())
            page.screenshot(path=folder / name)
            page.close()
        browser.close()


def main() -> None:
    """Take the pictures of a report that is named, else of one made anew of a real model in the committed run."""
    if len(sys.argv) > 1:
        take_pictures(Path(sys.argv[1]), ROOT / "docs")
        return
    from prefixbench.analysis.compare import Selection
    from prefixbench.report.command import Outputs, report_runs

    with tempfile.TemporaryDirectory() as folder:
        outputs = Outputs(Path(folder) / "report.html")
        (page,) = report_runs([ROOT / "results" / "answer"], outputs, selection=Selection(model=MODEL))
        take_pictures(page, ROOT / "docs")


if __name__ == "__main__":
    main()
