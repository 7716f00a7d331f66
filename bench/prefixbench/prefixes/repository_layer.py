"""The third layer: the prompts a model's repository brings in ``config_sentence_transformers.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.faults import show_value
from prefixbench.plain import first_line
from prefixbench.prefixes.documentation import as_prefix, is_sentence, spoken
from prefixbench.prefixes.sources import NOTHING_SOURCE, SideSource, SourcedPair, SourcedSide
from prefixbench.prefixes.uses import TASK_TYPE_OF_USE, Use
from prefixbench.prefixes.vocabulary import TOKENIZER_NAME, TokenizerVocabulary
from prefixbench.spec.conditions import Mechanism, Side
from prefixbench.spec.tasks import TaskFacts

CONFIG_NAME = "config_sentence_transformers.json"

_ALIASES = {
    "query": ("query", "search_query", "retrieval_query", "retrieval.query", "web_search_query", "s2p_query"),
    "document": ("document", "passage", "corpus", "search_document", "retrieval_document", "retrieval.passage"),
    "STS": ("sts", "similarity", "text-matching", "text_matching", "sentence_similarity", "s2s_query"),
    "BitextMining": ("bitextmining", "bitext_mining", "bitext"),
    "PairClassification": ("pairclassification", "pair_classification"),
    "MultilabelClassification": ("multilabelclassification", "multilabel_classification", "classification"),
}
"""Keys seen in repositories for one purpose; compared in lower case."""


@dataclass(frozen=True)
class RepositoryDocumentation:
    """A model's own config, answering the rules' questions.

    Attributes:
        model: The name asked for.
        path: The config file.
        prompts: Its ``prompts``; a config whose prompts are all empty documents a model without prefixes.
        suggestion: Whose prefixes it may take instead, in a sentence; empty where nothing says.
        default_prompt: The name of the prompt that sentence-transformers sends unasked; ``None`` where there is none.
    """

    model: str
    path: Path
    prompts: Mapping[str, str]
    suggestion: str = ""
    default_prompt: str | None = None

    @property
    def prompts_sent(self) -> bool:
        """Whether any prompt is more than nothing."""
        return any(self.prompts.values())

    @property
    def family(self) -> None:
        """A repository knows no families."""
        return

    @property
    def wording(self) -> str:
        """``label`` or ``sentence``, told by length."""
        return "sentence" if any(is_sentence(prompt) for prompt in self.prompts.values()) else "label"

    @property
    def layer(self) -> str:
        """The name of this layer."""
        return "repository"

    @property
    def mechanism(self) -> Mechanism:
        """A prefix or nothing; adapters and interfaces do not stand in this file."""
        return Mechanism.PREFIX if self.prompts_sent else Mechanism.NONE

    @property
    def adapters(self) -> Sequence[str]:
        """None stand in this file."""
        return ()

    @property
    def borrowable(self) -> Sequence[str]:
        """Uses for which the config has a prompt that is not empty."""
        names = {**TASK_TYPE_OF_USE, Use.QUERY: "query", Use.DOCUMENT: "document"}
        return tuple(use.value for use, name in names.items() if self.prompts.get(self._key(name) or ""))

    def nothing(self) -> SourcedSide:
        """The empty prompt."""
        return SourcedSide(Side(), NOTHING_SOURCE, Use.NOTHING)

    def documented(self, task: TaskFacts) -> SourcedPair:
        """The prompt whose key names the task, its type or the role.

        Raises:
            PrefixNotFoundError: No key does.
        """
        if self.mechanism is Mechanism.NONE:
            cited = SideSource("repository", f"{CONFIG_NAME} of {self.model} has no prompts", certain=False)
            side = SourcedSide(Side(), cited, Use.NOTHING)
            note = f"the repository of {self.model} brings no prompts, so correct is the same as none"
            notes = (f"{note}; {self.suggestion}" if self.suggestion else note,)
            return SourcedPair.same(side, "the repository's config has no prompts", notes)
        rule = "the repository's config decides"
        if task.has_roles:
            query = self._side((f"{task.name}-query", task.name, f"{task.task_type}-query", "query"), task)
            document = self._side((f"{task.name}-document", f"{task.task_type}-document", "document"), task)
            return SourcedPair(query, document, rule)
        return SourcedPair.same(self._side((task.name, task.task_type), task), rule)

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
        del document_instruction  # documents carry none without a template
        side = SourcedSide(Side(as_prefix(instruction)), source, "instruction", instruction)
        document = self.nothing() if task.has_roles else side
        return SourcedPair(side, document, "plain words before the text; a repository's config holds no template")

    def _key(self, name: str) -> str | None:
        by_lower = {key.lower(): key for key in self.prompts}
        wanted = (name.lower(), *_ALIASES.get(name, ()))
        found = [by_lower[key] for key in wanted if key in by_lower]
        # sentence-transformers adds an empty "document" beside a "passage" when it saves; the words are what counts.
        return next((key for key in found if self.prompts[key]), found[0] if found else None)

    def _side(self, names: tuple[str, ...], task: TaskFacts) -> SourcedSide:
        for name in names:
            key = self._key(name)
            if key is not None:
                source = SideSource("repository", f"{CONFIG_NAME} of {self.model}, key {key!r}")
                return SourcedSide(Side(self.prompts[key]), source, key)
        raise PrefixNotFoundError(
            f"{CONFIG_NAME} of {self.model} has prompts for {spoken(list(self.prompts))}, "
            f"and none for {task.name} of type {task.task_type}"
        )


def find_repository(model: str, folders: Mapping[str, Path]) -> RepositoryDocumentation | None:
    """The prompts of a model whose files are on this machine: a folder given, a local path, or the hub's cache.

    Raises:
        PrefixNotFoundError: The file is none that sentence-transformers could have written; names it and the field.
    """
    for folder in candidate_folders(model, folders):
        path = folder / CONFIG_NAME
        if path.is_file():
            prompts, default = _read_prompts(path)
            return RepositoryDocumentation(model, path, prompts, default_prompt=default)
    return None


def _read_prompts(path: Path) -> tuple[dict[str, str], str | None]:
    """The prompts of a settings file, and the name of the one that is sent unasked; raises as ``find_repository``."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PrefixNotFoundError(f"{path} cannot be read as JSON: {first_line(error)}.") from error
    if not isinstance(config, dict):
        raise PrefixNotFoundError(f"{path} must be a JSON object (given: {show_value(config)}).")
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name")
    if not isinstance(prompts, dict) or not all(one is None or isinstance(one, str) for one in prompts.values()):
        raise PrefixNotFoundError(f"{path}: prompts must be an object of strings (given: {show_value(prompts)}).")
    if default is not None and not isinstance(default, str):
        raise PrefixNotFoundError(f"{path}: default_prompt_name must be a string (given: {show_value(default)}).")
    return {key: value for key, value in prompts.items() if value is not None}, default


def find_vocabulary(model: str, folders: Mapping[str, Path]) -> TokenizerVocabulary | None:
    """The tokenizer of a model whose files are on this machine."""
    for folder in candidate_folders(model, folders):
        if (folder / TOKENIZER_NAME).is_file():
            return TokenizerVocabulary.load(folder)
    return None


def candidate_folders(model: str, folders: Mapping[str, Path]) -> Iterator[Path]:
    """Where a model's files may be: a folder given by name, a local path, the hub's cache (newest first)."""
    if model in folders:
        yield folders[model]
    if Path(model).is_dir():
        yield Path(model)
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface"))
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    snapshots = cache / f"models--{model.replace('/', '--')}" / "snapshots"
    if snapshots.is_dir():
        yield from sorted(snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
