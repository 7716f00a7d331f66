"""The wheel carries the data folder and installs as a package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_carries_tasks(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(tmp_path),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("prefixbench-*.whl")
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    inside = unpacked / "prefixbench" / "tasks"
    carried = {path.relative_to(inside) for path in inside.rglob("*.toml")}
    assert carried == {path.relative_to(ROOT / "tasks") for path in (ROOT / "tasks").rglob("*.toml")}
    listed = "from prefixbench.spec.load import list_presets; print(*list_presets().values())"
    said = subprocess.run(
        [sys.executable, "-c", listed], cwd=tmp_path, env={"PYTHONPATH": str(unpacked)}, check=True, capture_output=True
    )
    assert str(unpacked) in said.stdout.decode()
    assert "starter.toml" in said.stdout.decode()
