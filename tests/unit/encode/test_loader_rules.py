"""What mteb's loaders add to a model is kept: vectors equal those of ``mteb.get_model`` under the same prompt."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
import torch
from mteb._create_dataloaders import create_dataloader
from mteb.models.get_model_meta import get_model_metas
from mteb.models.instruct_wrapper import InstructSentenceTransformerModel
from mteb.models.model_implementations.nomic_models import NomicWrapper
from mteb.models.model_implementations.nvidia_models import _NVEmbedWrapper
from mteb.models.model_meta import ModelMeta
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from mteb.types import PromptType
from prefixbench.encode.load import load_embedder
from prefixbench.encode.loader_rules import RULES, find_rule
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec

from tests.tiny_models import TEXTS, embed_texts, make_model

KNOWN_LOADERS = (SentenceTransformerEncoderWrapper, InstructSentenceTransformerModel, NomicWrapper, _NVEmbedWrapper)
BROKEN_IN_MTEB = {"Sailesh97/Hinvec"}
"""Its loader passes arguments that the library refuses."""

TEXT_ONLY = {"text"}


def registered_options() -> dict[str, dict[str, Any]]:
    """Every option that changes vectors, of every dense text model whose loader is a known one."""
    found = {}
    for meta in get_model_metas():
        loader = meta.loader
        known = inspect.isclass(loader) and (loader in KNOWN_LOADERS or loader.__name__ == "KALMWrapper")
        if not known or meta.name in BROKEN_IN_MTEB or set(meta.modalities) != TEXT_ONLY:
            continue
        options = dict(meta.loader_kwargs)
        for nested in ("tokenizer_kwargs", "processor_kwargs"):
            options |= options.pop(nested, {}) or {}
        found[str(meta.name)] = {
            "max_seq_length": options.get("max_seq_length", options.get("model_max_length")),
            "padding_side": options.get("padding_side"),
            "add_eos_token": options.get("add_eos_token", False),
            "add_bos_token": options.get("add_bos_token"),
            "pad_token": options.get("pad_token"),
            "include_prompt": options.get("include_prompt", True),
            "truncate_dim": options.get("embed_dim"),
        }
    return found


def test_the_table_says_what_mtebs_registry_says() -> None:
    registered = registered_options()
    assert len(registered) > 300
    ours = {name: {field: getattr(find_rule(name), field) for field in options} for name, options in registered.items()}
    assert ours == registered
    for pattern, rule in RULES:
        assert any(find_rule(name) is rule for name in registered), f"no model fits {pattern}"


FAMILIES: dict[str, dict[str, Any]] = {
    "nomic-ai/nomic-embed-text-v1.5": {},
    "nomic-ai/nomic-embed-text-v1": {},
    "intfloat/e5-small-v2": {},
    "BAAI/bge-small-en-v1.5": {"pooling": "cls"},
    "intfloat/multilingual-e5-large-instruct": {},
    "GritLM/GritLM-7B": {"kind": "decoder"},
    "Alibaba-NLP/gte-Qwen2-1.5B-instruct": {"kind": "decoder", "pooling": "lasttoken"},
    "Qwen/Qwen3-Embedding-0.6B": {"kind": "decoder", "pooling": "lasttoken"},
}


@pytest.mark.filterwarnings(
    "ignore:Model prompts specified", "ignore:SentenceTransformers that use prompts", "ignore:Prompt type"
)
@pytest.mark.parametrize("name", FAMILIES)
def test_vectors_equal_mtebs_own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation, model = name.split("/")
    built = make_model(tmp_path / "built", **FAMILIES[name])
    (tmp_path / organisation).mkdir()
    built.rename(tmp_path / organisation / model)
    # mteb loads a folder of the model's own name, relative to where it stands, as it would the hub's.
    monkeypatch.chdir(tmp_path)
    # The packages it asks for are those of the code its repository brings; the tiny model needs none.
    monkeypatch.setattr(ModelMeta, "_check_requirements", lambda _self: None)
    theirs: Any = mteb.get_model(name, device="cpu", model_kwargs={"dtype": torch.float32})
    meta = mteb.get_model_meta(name)
    task = mteb.get_task("NFCorpus")
    ours = load_embedder(
        ModelSpec(name=name),
        EncoderSettings(device="cpu", engine=Engine.TORCH),
        tmp_path / organisation / model,
        cache=tmp_path / "cache",
    )
    for role in (PromptType.query, PromptType.document):
        prefix = resolve_prompt(theirs, task.metadata, role, meta)
        inputs = create_dataloader(
            to_dataset(TEXTS), task_metadata=task.metadata, prompt_type=None, input_column="text", batch_size=2
        )
        expected = theirs.encode(
            inputs, task_metadata=task.metadata, hf_split="test", hf_subset="default", prompt_type=role
        )
        np.testing.assert_allclose(embed_texts(ours, TEXTS, Side(prefix)), np.asarray(expected), atol=1e-6)


def resolve_prompt(model: Any, task: Any, role: PromptType, meta: Any) -> str:
    """The string mteb's wrapper sends, by its own resolvers."""
    if isinstance(model, InstructSentenceTransformerModel):
        if role is PromptType.document and not model.apply_instruction_to_passages:
            return ""
        return model.get_task_instruction(task, role) or ""
    prompts = meta.loader_kwargs.get("model_prompts") or {}
    name = model.get_prompt_name(task, role)
    return str(prompts.get(name, ""))


def to_dataset(texts: list[str]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict({"text": texts})
