"""The preset of tasks submitted with another task's prompt is what mteb's own source says, and its cross sends it."""

from __future__ import annotations

import re
from pathlib import Path

import mteb
import pytest
from mteb.types import PromptType
from prefixbench.plan.tasks import expand_tasks
from prefixbench.prefixes import PrefixBook
from prefixbench.prefixes.uses import TEXT_TASK_TYPES
from prefixbench.spec.conditions import Condition
from prefixbench.spec.load import Overrides, load_sweep

LINE = re.compile(r'^    "([^"]+)": "[^"]+",  # originally submitted as "([^"]+)"', re.MULTILINE)


@pytest.mark.filterwarnings("ignore")
def test_each_task_of_the_preset_was_submitted_with_a_prompt_that_its_cross_sends() -> None:
    source = Path(mteb.__file__).parent / "models" / "model_implementations" / "google_embeddinggemma.py"
    submitted = dict(LINE.findall(source.read_text(encoding="utf-8")))
    tasks = {name: mteb.get_task(name).metadata for name in submitted}
    spec = load_sweep(None, "submitted", Overrides())
    text = [name for name, one in tasks.items() if one.modalities == ["text"] and one.type in TEXT_TASK_TYPES]
    assert [task.name for task in spec.tasks] == text
    (model,) = spec.models
    book = PrefixBook.load()
    for facts in expand_tasks(spec.tasks, {}):
        sent = set()
        for condition in book.expand(model.name, facts, [Condition.parse("cross")]):
            sent.add(book.resolve(model.name, facts, condition).pair.query.prefix)
        assert f"task: {submitted[facts.name]} | query: " in sent


@pytest.mark.filterwarnings("ignore")
def test_each_task_of_geminis_preset_is_one_for_which_google_names_another_prompt_and_mteb_sends_it() -> None:
    from mteb.models.model_implementations import google_gemini as source

    spec = load_sweep(None, "submitted-gemini", Overrides())
    (model,) = spec.models
    assert model.documented_as == "google/gemini-embedding-2"
    types = {*TEXT_TASK_TYPES, *(role.value for role in PromptType)}
    tasks = {name: mteb.get_task(name).metadata for name in source.GEMINI_EMBEDDING_2_PROMPTS if name not in types}
    text = [name for name, one in tasks.items() if one.modalities == ["text"] and one.type in TEXT_TASK_TYPES]
    assert [task.name for task in spec.tasks] == text
    book = PrefixBook.load()
    for facts in expand_tasks(spec.tasks, {}):
        pair = book.resolve(model.documented_as, facts, Condition.parse("mteb")).pair
        role = PromptType.query if facts.has_roles else None
        recommended = source.GEMINI_EMBEDDING_2_PROMPTS[facts.name]
        assert f"{pair.query.prefix}TEXT" == source._format_gemini_embedding_2_text("TEXT", recommended, role)
