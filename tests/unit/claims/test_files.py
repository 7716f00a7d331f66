"""Claims are read whole or refused with every fault's file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefixbench.claims import load_claims
from prefixbench.errors import SpecError
from prefixbench.spec.load import Overrides, load_sweep, split_names

GOOD = """[[claims]]
id = "one"
vendor = "someone"
says = "It helps."
source = "https://example.org/one"
date = 2026-11-26
test = { condition = "correct", expects = "gain", plan = ["SciFact"] }
"""


def test_every_plan_is_a_sweep_that_can_be_asked_for() -> None:
    claims = load_claims()
    assert len(claims) >= 30
    tested = [claim for claim in claims if claim.test]
    for claim in tested:
        words = claim.plan.split(" --prefix ")[0].split()
        given = dict(zip(words[2::2], words[3::2], strict=True))
        prefixes = (claim.test.prefix,) if claim.test and claim.test.prefix else ()
        spec = load_sweep(
            None,
            None,
            Overrides(
                models=(claim.models[0],) if claim.models else ("org/model",),
                tasks=split_names(given["--tasks"]),
                conditions=split_names(given["--conditions"]),
                prefixes=prefixes,
            ),
        )
        assert len(spec.conditions) >= 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"gain"', '"gains"', "7: claims[0].test.expects"),
        ('"correct"', '"corect"', "'corect'"),
        ("https://example.org/one", "a blog", "5: claims[0].source"),
        ('vendor = "someone"\n', "", "the field 'vendor' is missing"),
        (', plan = ["SciFact"]', "", "name the tasks that would test it"),
        ("test = {", "tset = {", "'tset'"),
        ('expects = "gain"', 'expects = "gain", size = [3, 1]', "from the least to the most"),
        ('expects = "gain"', 'expects = "gain", types = ["Retreival"]', "Retrieval"),
        ('expects = "gain"', 'expects = "gain", measured = 3', "'n_items'"),
        ('"correct"', '"custom:mine"', "in 'prefix'"),
        ("id =", "id ==", "not valid TOML"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "claims.toml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_claims(tmp_path)
    assert "claims.toml" in str(caught.value)
    assert said in str(caught.value)


def test_one_name_stands_for_one_claim(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD + GOOD, encoding="utf-8")
    with pytest.raises(SpecError, match="stands here twice"):
        load_claims(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(SpecError, match="in another file too"):
        load_claims(tmp_path)


def test_a_folder_without_claims_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="holds no claims"):
        load_claims(tmp_path)
