"""Takes the pictures of the docs from a report: ``python docs/take_picture.py [REPORT]``.

The first screen, light, dark and on a phone.

Needs the development group (Playwright) and a Chromium on the path or in ``PREFIXBENCH_BROWSER``.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

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


if __name__ == "__main__":
    take_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results/starter/report.html", ROOT / "docs")
