"""What a plan counts without a model, data or an endpoint, and what it finds out about names."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from prefixbench.errors import SpecError
from prefixbench.plan.place import Place
from prefixbench.run.hub_names import check_names
from prefixbench.run.preview import preview_sweep
from prefixbench.run.preview_table import render_preview
from prefixbench.run.texts import remember_texts
from prefixbench.score import TextManifest, TextPart
from prefixbench.spec.conditions import Role
from prefixbench.spec.load import Overrides, load_sweep
from prefixbench.spec.sweep import ModelSpec
from prefixbench.starter import starter_facts

SWEEP = """
tasks = ["StarterReranking"]
conditions = ["none", "correct"]

[[models]]
name = "served"
endpoint = "http://127.0.0.1:9/v1"
like = "intfloat/e5-small-v2"
price_per_million_tokens = 1000.0
"""


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    path = tmp_path / "priced.toml"
    path.write_text(SWEEP)
    return path


def test_tokens_and_money_come_from_the_characters_of_remembered_texts(sweep_file: Path, tmp_path: Path) -> None:
    spec = load_sweep(sweep_file, None, Overrides())
    facts = starter_facts()["StarterReranking"]
    place = Place(facts, facts.hf_subsets[0], facts.eval_splits[0], None, spec.seed)
    parts = (TextPart(Role.QUERY, ("x" * 13, "y" * 13, "x" * 13)), TextPart(Role.DOCUMENT, ("z" * 31,)))
    remember_texts(tmp_path, place, TextManifest(parts))
    preview = preview_sweep(spec, tmp_path / "results", tmp_path)
    assert [one.counts.n_texts for one in preview.cells] == [3, 3]
    (served,) = preview.models
    assert served.n_to_embed == 6
    characters = (13 * 2 + 31) + (2 * (13 + len("query: ")) + 31 + len("passage: "))
    assert served.n_tokens == round(characters / 4)
    assert served.cost == pytest.approx(served.n_tokens / 1000)
    line = next(line for line in render_preview(preview).splitlines() if line.endswith("served"))
    assert line.split() == ["2", "0", "6", f"~{served.n_tokens}", f"~{served.cost:.2f}", "served"]


def test_data_nobody_described_have_no_number(sweep_file: Path, tmp_path: Path) -> None:
    preview = preview_sweep(load_sweep(sweep_file, None, Overrides()), tmp_path / "results", tmp_path)
    assert not preview.models[0].is_known
    line = next(line for line in render_preview(preview).splitlines() if line.endswith("served"))
    assert line.split() == ["2", "0", "?", "?", "?", "served"]


def test_a_name_that_the_hub_does_not_have_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

    monkeypatch.setattr(HfApi, "model_info", refuse)
    models = [ModelSpec(name="intfloat/e5-small-v2"), ModelSpec(name="intfloat/e5-smal-v2")]
    with pytest.raises(SpecError) as caught:
        check_names(models, tmp_path)
    assert str(caught.value) == (
        "sweep.models[1]: unknown model 'intfloat/e5-smal-v2'; did you mean intfloat/e5-small-v2 or intfloat/e5-small "
        "or intfloat/e5-base-v2? The hub has none of this name, or it is private."
    )


def test_a_silent_hub_is_asked_once_and_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stay_silent(*names: object, **_: object) -> None:
        asked.append(names)
        raise ConnectionError

    monkeypatch.setattr(HfApi, "model_info", stay_silent)
    names = ("me/one", "me/two")
    assert check_names([ModelSpec(name=name) for name in names], tmp_path) == names
    assert len(asked) == 1
    spec = load_sweep(None, None, Overrides(models=("me/one",), tasks=("StarterReranking",), conditions=("none",)))
    text = render_preview(preview_sweep(spec, tmp_path / "results", tmp_path))
    assert "could not be checked, since no hub answers: does me/one exist?\n" in text
