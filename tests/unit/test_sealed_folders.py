"""Folders made here and trusted later: whole, or made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from prefixbench.cli.cache import cache_app
from prefixbench.files import SEAL, is_sealed, seal_folder
from prefixbench.starter import locate_model
from typer.testing import CliRunner


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "inner").mkdir(parents=True)
    (made / "model.bin").write_bytes(b"weights")
    (made / "inner" / "config.json").write_text("{}")
    seal_folder(made)
    return made


def test_a_sealed_folder_is_as_it_was(folder: Path) -> None:
    assert is_sealed(folder)


@pytest.mark.parametrize("damage", ["zeros", "missing", "new", "no seal", "seal of nothing"])
def test_every_change_is_noticed(folder: Path, damage: str) -> None:
    match damage:
        case "zeros":
            (folder / "model.bin").write_bytes(bytes(7))
        case "missing":
            (folder / "inner" / "config.json").unlink()
        case "new":
            (folder / "inner" / "more.json").write_text("{}")
        case "no seal":
            (folder / SEAL).unlink()
        case _:
            (folder / SEAL).write_bytes(b"\xff\x00")
    assert not is_sealed(folder)


def test_a_damaged_twin_is_laid_again(tmp_path: Path) -> None:
    folder = locate_model("prefixbench/minilm-prefixed", tmp_path)
    assert folder is not None
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1000] + bytes(1000))
    assert locate_model("prefixbench/minilm-prefixed", tmp_path) == folder
    assert weights.read_bytes() == content


def test_verify_names_and_deletes_what_is_not_as_written(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "cache" / "engines" / "abc" / "openvino"
    place.parent.mkdir(parents=True)
    shutil.move(str(folder), place)
    sound = CliRunner().invoke(cache_app, ["verify", "--cache", str(tmp_path / "cache")])
    assert (sound.exit_code, place.exists()) == (0, True)
    (place / "model.bin").write_bytes(bytes(7))
    found = CliRunner().invoke(cache_app, ["verify", "--cache", str(tmp_path / "cache")])
    assert found.exit_code == 1
    assert f"{place}: is not as written; deleted, to be made again.\n" in found.stdout
    assert not place.exists()
