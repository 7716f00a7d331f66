"""mteb's encoder and search protocols over a function that turns texts into vectors."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.models import ModelMeta
from mteb.models.model_implementations import MODEL_REGISTRY
from mteb.models.model_meta import ScoringFunction
from mteb.similarity_functions import select_pairwise_similarity, select_similarity

from prefixbench.errors import ScoreError
from prefixbench.score.parts import TextPart, make_part
from prefixbench.score.search import SearchByVectors
from prefixbench.spec.conditions import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.types import BatchedInput, PromptType
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.utils.data import DataLoader

    from prefixbench.vectors.embedder import Vectors

    Embed = Callable[[TextPart], Vectors]


class MtebEncoder(SearchByVectors):
    """What mteb evaluates: our vectors behind its ``EncoderProtocol`` and ``SearchProtocol``.

    Attributes:
        mteb_model_meta: The registry's entry for the model, else a made-up one, told apart by the experiment.
    """

    def __init__(  # the protocol's first two arguments, then ours
        self,
        embed: Embed,
        model_name: str,
        revision: str | None = None,
        experiment: Mapping[str, Any] | None = None,
        *,
        similarity_fn_name: str | None = None,
    ) -> None:
        """Wrap a function.

        Args:
            embed: Texts of one role to float32 vectors ``(n, dim)``.
            model_name: As in mteb's registry, or any ``org/name``.
            revision: Recorded in results.
            experiment: What tells this condition's results from others' in ``mteb.ResultCache``; any JSON value. A
                digest of it is added, since mteb writes ``:``, ``/`` and ``|`` alike.
            similarity_fn_name: As the model's repository says: ``cosine``, ``dot``, ``euclidean`` or ``manhattan``; the
                registry's, else cosine, where absent.
        """
        self._embed = embed
        self.mteb_model_meta = describe_model(model_name, revision, experiment or {})
        registered = self.mteb_model_meta.similarity_fn_name
        # As mteb's own wrapper: the model's function compares all with all, the registry's row with row.
        self._all_pairs = ScoringFunction(similarity_fn_name or registered or ScoringFunction.COSINE)
        self._row_pairs = ScoringFunction(registered or similarity_fn_name or ScoringFunction.COSINE)

    def encode(
        self,
        inputs: DataLoader[BatchedInput],
        *,
        task_metadata: TaskMetadata,
        hf_split: str,
        hf_subset: str,
        prompt_type: PromptType | None = None,
        **kwargs: Any,  # noqa: ANN401 - batch sizes and progress bars are the embedder's own
    ) -> Vectors:
        """Vectors of all texts of a data loader, in its order, shape ``(n_texts, dim)``.

        Raises:
            ScoreError: The number of vectors is not that of the texts.
        """
        columns = read_loader(inputs)
        role = None if prompt_type is None else Role(prompt_type.value)
        place = f"{task_metadata.name} ({hf_subset}, {hf_split})"
        return self.embed_texts(make_part(role, columns["text"], columns.get("body"), columns.get("title")), place)

    def embed_texts(self, part: TextPart, place: str) -> Vectors:
        """Vectors of texts, shape ``(n_texts, dim)``."""
        vectors = self._embed(part)
        if len(vectors) != len(part.texts):
            raise ScoreError(f"{place}: {len(part.texts)} texts were asked for and {len(vectors)} vectors came back.")
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def similarity(self, embeddings1: NDArray[np.float32], embeddings2: NDArray[np.float32]) -> Tensor:
        """Similarity of every pair, by mteb's own functions, shape ``(n, m)``."""
        if self._all_pairs is ScoringFunction.MANHATTAN:
            from sentence_transformers.util import manhattan_sim

            return manhattan_sim(embeddings1, embeddings2)
        return select_similarity(embeddings1, embeddings2, self._all_pairs)  # type: ignore[return-value]

    def similarity_pairwise(self, embeddings1: NDArray[np.float32], embeddings2: NDArray[np.float32]) -> Tensor:
        """Similarity of row i with row i, by mteb's own functions, shape ``(n,)``."""
        if self._row_pairs is ScoringFunction.MANHATTAN:
            from sentence_transformers.util import pairwise_manhattan_sim

            return pairwise_manhattan_sim(embeddings1, embeddings2)
        return select_pairwise_similarity(embeddings1, embeddings2, self._row_pairs)  # type: ignore[return-value]


def read_loader(inputs: DataLoader[BatchedInput]) -> dict[str, list[str]]:
    """The text columns behind a data loader of mteb's, decoded at once where it reads a data set in order."""
    from datasets import Dataset
    from torch.utils.data import SequentialSampler

    names = ("text", "body", "title")
    if isinstance(inputs.dataset, Dataset) and isinstance(inputs.sampler, SequentialSampler):
        present = [name for name in names if name in inputs.dataset.column_names]
        return {name: [text or "" for text in inputs.dataset[name][:]] for name in present}
    columns: dict[str, list[str]] = {}
    for batch in inputs:
        for name in names:
            if name in batch:
                columns.setdefault(name, []).extend(batch[name])
    return columns


def describe_model(name: str, revision: str | None, experiment: Mapping[str, Any]) -> ModelMeta:
    """Mteb's metadata for one model under one condition."""
    encoded = json.dumps(experiment, sort_keys=True, allow_nan=False).encode()
    kwargs = {**experiment, "digest": hashlib.blake2b(encoded, digest_size=8).hexdigest()} if experiment else None
    if name in MODEL_REGISTRY:
        registered = MODEL_REGISTRY[name]
        update = {"revision": revision or registered.revision, "experiment_kwargs": kwargs}
        return registered.model_copy(update=update)
    qualified = name if "/" in name else f"local/{name}"
    overwrites = {"name": qualified, "revision": revision or "no_revision_available", "experiment_kwargs": kwargs}
    return ModelMeta.create_empty(overwrites=overwrites)
