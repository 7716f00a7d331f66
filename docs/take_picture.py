"""Takes the README's picture, ``docs/report.png``, from a report: ``python docs/take_picture.py [REPORT]``.

Needs the development group (Playwright) and a Chromium on the path.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 1180, 1240
"""The answer, the cards and the head of the first forest plot."""


def take_picture(report: Path, picture: Path) -> None:
    """Write the top of a report, in light, as a PNG."""
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    take_picture(
        Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results/starter/report.html", ROOT / "docs/report.png"
    )
