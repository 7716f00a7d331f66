from __future__ import annotations

from pathlib import Path

import pytest
from prefixbench.errors import SpecError
from prefixbench.spec.load import Overrides, list_presets, load_sweep, parse_custom_prefix, split_names
from prefixbench.spec.visible import show_whitespace


def test_every_preset_is_a_valid_sweep() -> None:
    for name in list_presets():
        spec = load_sweep(None, name, Overrides())
        assert spec.name == name
        assert str(spec.conditions[0]) == "none"
        assert spec.description


def test_names_are_split_outside_parentheses() -> None:
    assert split_names("STSBenchmark, MTEB(eng, v2) ,SciFact") == ("STSBenchmark", "MTEB(eng, v2)", "SciFact")


def test_subsets_of_one_task_are_gathered() -> None:
    spec = load_sweep(None, None, Overrides(models=("a/b",), tasks=("X:en", "Y", "X:de", "X:en")))
    assert [(task.name, task.subsets) for task in spec.tasks] == [("X", ("en", "de")), ("Y", ())]


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('models = ["a/b"]\ntasks = ["X"]\nseed = 1\n[encoder]\ndtype = "bfloat16"\nbatch_tokens = 512\n')
    spec = load_sweep(path, None, Overrides(encoder={"dtype": "float32"}, seed=2, conditions=("correct",)))
    assert (spec.name, spec.seed, spec.encoder.dtype, spec.encoder.batch_tokens) == ("mine", 2, "float32", 512)
    assert [str(condition) for condition in spec.conditions] == ["none", "correct"]


def test_a_custom_prefix_is_also_a_condition() -> None:
    spec = load_sweep(
        None, None, Overrides(models=("a/b",), tasks=("X",), prefixes=('mine:query="find, now:\\n",document="d: "',))
    )
    assert spec.custom["mine"].query == "find, now:\n"
    assert [str(condition) for condition in spec.conditions] == ["none", "custom:mine"]


def test_custom_prefixes_keep_commas_quotes_and_spaces() -> None:
    assert parse_custom_prefix(r'x:document="say \"a\", b: "') == ("x", {"document": 'say "a", b: '})
    for bad in ("x", "x:query=a", 'x:query="a"document="b"', 'x:text="a"', ':query="a"'):
        with pytest.raises(SpecError, match="expected NAME:query="):
            parse_custom_prefix(bad)


def test_trusted_code_is_named_model_by_model() -> None:
    spec = load_sweep(None, None, Overrides(models=("a/b", "c/d"), tasks=("X",), trusted=("c/d",)))
    assert [model.trust_remote_code for model in spec.models] == [False, True]


def test_whitespace_is_shown() -> None:
    assert show_whitespace("a: \n\t") == "a:·⏎⇥"
    assert show_whitespace("") == "∅"
