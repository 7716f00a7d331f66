"""The third layer: the prompts a model's repository brings in ``config_sentence_transformers.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import InexpressibleError, PrefixNotFoundError
from bench.prefixes.card_layer import as_prefix
from bench.prefixes.documentation import spoken
from bench.prefixes.sources import SideSource, SourcedPair, SourcedSide
from bench.prefixes.uses import TASK_TYPE_OF_USE, Use
from bench.spec.conditions import Mechanism, Side
from bench.spec.tasks import TaskFacts

CONFIG_NAME = "config_sentence_transformers.json"

_ALIASES = {
    "query": ("query", "search_query", "retrieval_query", "retrieval.query", "s2p_query", "web_search_query"),
    "document": ("document", "passage", "corpus", "search_document", "retrieval_document", "retrieval.passage"),
    "Classification": ("classification",),
    "Clustering": ("clustering",),
    "STS": ("sts", "similarity", "text-matching", "text_matching", "sentence_similarity", "s2s_query"),
    "Summarization": ("summarization",),
    "BitextMining": ("bitextmining", "bitext_mining", "bitext"),
    "PairClassification": ("pairclassification", "pair_classification"),
    "MultilabelClassification": ("multilabelclassification", "multilabel_classification", "classification"),
    "Reranking": ("reranking",),
}
"""Keys seen in repositories for one purpose; compared in lower case."""


@dataclass(frozen=True, slots=True)
class RepositoryDocumentation:
    """A model's own config, answering the rules' questions.

    Attributes:
        model: The name asked for.
        path: The config file.
        prompts: Its ``prompts``.
        default_prompt_name: The prompt applied where none is named.
    """

    model: str
    path: Path
    prompts: Mapping[str, str]
    default_prompt_name: str | None = None

    @property
    def family(self) -> None:
        """A repository knows no families."""
        return

    @property
    def wording(self) -> str:
        """``label`` or ``sentence``, told by length."""
        return "sentence" if any(len(prompt.split()) > 4 for prompt in self.prompts.values()) else "label"

    @property
    def mechanism(self) -> Mechanism:
        """A prefix; adapters and interfaces do not stand in this file."""
        return Mechanism.PREFIX

    @property
    def adapters(self) -> tuple[str, ...]:
        """None stand in this file."""
        return ()

    @property
    def borrowable(self) -> tuple[str, ...]:
        """Uses for which the config has a prompt that is not empty."""
        names = {Use.QUERY: "query", Use.DOCUMENT: "document"} | {
            use: name for use, name in TASK_TYPE_OF_USE.items() if use is not Use.QUERY
        }
        return tuple(use.value for use, name in names.items() if self.prompts.get(self._key(name) or "", ""))

    def nothing(self) -> SourcedSide:
        """The empty prompt."""
        source = SideSource("rule", "nothing is sent, by definition of the baseline")
        return SourcedSide(Side(), source, Use.NOTHING)

    def documented(self, task: TaskFacts) -> SourcedPair:
        """The prompt whose key names the task, its type or the role.

        Raises:
            PrefixNotFoundError: No key does.
        """
        if task.has_roles:
            query = self._side((f"{task.name}-query", task.name, task.task_type, "query"), task)
            document = self._side((f"{task.name}-document", "document"), task)
            return SourcedPair(query, document, "the repository's config decides")
        return SourcedPair.same(self._side((task.name, task.task_type), task), "the repository's config decides")

    def borrowed(self, use: str, task: TaskFacts) -> SourcedPair:
        """The prompt of another use.

        Raises:
            InexpressibleError: The config has none.
        """
        if use not in self.borrowable:
            raise InexpressibleError(
                f"{self.model} has no prompt for {use!r} in {CONFIG_NAME}; it has {spoken(self.borrowable) or 'none'}"
            )
        named = Use(use)
        name = named.value if named in {Use.QUERY, Use.DOCUMENT} else TASK_TYPE_OF_USE[named]
        return SourcedPair.same(self._side((name,), task), f"the repository's {use} prompt is borrowed")

    def instructed(
        self, instruction: str, document_instruction: str, source: SideSource, task: TaskFacts
    ) -> SourcedPair:
        """Plain words before the query or the text; a config holds no template."""
        del document_instruction
        side = SourcedSide(Side(as_prefix(instruction)), source, "instruction", instruction)
        document = self.nothing() if task.has_roles else side
        return SourcedPair(side, document, "plain words before the text; a repository's config holds no template")

    def _key(self, name: str) -> str | None:
        wanted = (name.lower(), *_ALIASES.get(name, ()))
        by_lower = {key.lower(): key for key in self.prompts}
        return next((by_lower[key] for key in wanted if key in by_lower), None)

    def _side(self, names: tuple[str, ...], task: TaskFacts) -> SourcedSide:
        for name in names:
            key = self._key(name)
            if key is not None:
                source = SideSource("repository", f"{CONFIG_NAME} of {self.model}, key {key!r}", certain=True)
                return SourcedSide(Side(self.prompts[key]), source, key)
        raise PrefixNotFoundError(
            f"{CONFIG_NAME} of {self.model} has the prompts {spoken(list(self.prompts))}; none is for "
            f"{task.name} of type {task.task_type}"
        )


def find_repository(model: str, folders: Mapping[str, Path]) -> RepositoryDocumentation | None:
    """The prompts of a model whose files are on this machine: a folder given, a local path, or the hub's cache."""
    for folder in _candidate_folders(model, folders):
        path = folder / CONFIG_NAME
        if path.is_file():
            config = json.loads(path.read_text(encoding="utf-8"))
            prompts = {key: str(value) for key, value in (config.get("prompts") or {}).items() if value is not None}
            if any(prompts.values()):
                return RepositoryDocumentation(model, path, prompts, config.get("default_prompt_name"))
    return None


def _candidate_folders(model: str, folders: Mapping[str, Path]) -> Iterator[Path]:
    if model in folders:
        yield folders[model]
    if Path(model).is_dir():
        yield Path(model)
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    snapshots = home / "hub" / f"models--{model.replace('/', '--')}" / "snapshots"
    if snapshots.is_dir():
        yield from sorted(snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
