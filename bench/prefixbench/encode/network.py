"""One sentence-transformers model, its prompts silenced: features in, vectors out, with the route and engine chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding

from prefixbench.encode.tokens import NativeTokenizer, StaticTokenizer, TextReader
from prefixbench.errors import InexpressibleError
from prefixbench.spec.conditions import Pooling as PoolingRule
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import Dtype

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

HiddenStates = Callable[[dict[str, torch.Tensor]], torch.Tensor]
"""An engine: padded inputs to the last hidden state, shape ``(n_texts, longest, hidden)``."""

Finish = Callable[[torch.Tensor], torch.Tensor]
"""What a family's loader adds after the pipeline: vectors in, vectors out, shape ``(n_texts, dim)``."""

AUTOCAST = {Dtype.BFLOAT16: torch.bfloat16, Dtype.FLOAT16: torch.float16}


class Network:
    """A loaded model and the ways through it.

    Args:
        model: The model, on its device. Its own prompts are emptied here and can never be applied.
        dtype: Precision of the forward pass; below float32 it runs under autocast.
        finish: The family's post-processing, or ``None``.
    """

    def __init__(self, model: SentenceTransformer, dtype: Dtype = Dtype.FLOAT32, finish: Finish | None = None) -> None:
        self.model = model.eval()
        self.model.prompts = dict.fromkeys(self.model.prompts, "")
        self.model.default_prompt_name = None
        if (transformer := self.model.transformers_model) is not None and hasattr(transformer.config, "use_cache"):
            transformer.config.use_cache = False  # nothing is generated: keys kept cost memory, and hinder engines
        self.dtype = dtype
        self.finish = finish
        self.engine: HiddenStates | None = None
        self._tokenizers: dict[int, TextReader] = {}

    @property
    def has_router(self) -> bool:
        """Whether queries and documents go through networks of their own."""
        return any(isinstance(module, Router) for module in self.model.children())

    @property
    def is_role_aware(self) -> bool:
        """Whether the model treats queries and documents differently apart from any prefix."""
        transformers = [module for module in self.model.modules() if isinstance(module, Transformer)]
        return self.has_router or any(
            module.query_length is not None or module.document_length is not None for module in transformers
        )

    @property
    def takes_task(self) -> bool:
        """Whether the model's own code takes a ``task`` argument, as models with adapters do."""
        return "task" in self.model.get_model_kwargs()

    def routed_modules(self, side: Side) -> list[torch.nn.Module]:
        """The modules a text of this side passes, in order."""
        route = side.route.value if side.route is not None else None
        modules: list[torch.nn.Module] = []
        for module in self.model.children():
            if isinstance(module, Router):
                name = module._resolve_route(task=route, modality="text")  # forward offers no dry run
                modules += list(cast("torch.nn.Sequential", module.sub_modules[str(name)]))
            else:
                modules.append(module)
        return modules

    def tokenizer_for(self, side: Side) -> TextReader | None:
        """The native tokenizer of this side's route; ``None`` where only the model's own code can prepare texts."""
        first = self.routed_modules(side)[0]
        key = id(first)
        if key not in self._tokenizers:
            if type(first) is StaticEmbedding:
                self._tokenizers[key] = StaticTokenizer(first.tokenizer)
            elif _reads_plain_text(first):
                transformer = cast("Transformer", first)
                tokenizer = cast("PreTrainedTokenizerBase", transformer.tokenizer)
                self._tokenizers[key] = NativeTokenizer(tokenizer, transformer.max_seq_length)
        return self._tokenizers.get(key)

    @property
    def similarity(self) -> str | None:
        """The function the repository names for comparing vectors; ``None`` where it names none."""
        # The public property would fall back to cosine, and mteb's registry is asked before that.
        named = vars(self.model).get("_similarity_fn_name")
        return None if named is None else str(getattr(named, "value", named))

    def forward_kwargs(self, side: Side) -> dict[str, Any]:
        """What the model's own ``encode`` would pass on for this side."""
        if side.adapter not in (None, "none") and self.takes_task:
            return {"task": side.adapter}
        return {"task": side.route.value} if side.route is not None and self.is_role_aware else {}

    def prepare(self, texts: Sequence[str], prefix: str, side: Side) -> dict[str, Any]:
        """The model's own preparation of texts, its prompt argument given as a string and never ``None``."""
        return dict(self.model.preprocess(list(texts), prompt=prefix, **self.forward_kwargs(side)))

    def prompt_length(self, prefix: str, side: Side) -> int | None:
        """Tokens of the prefix as pooling counts them; ``None`` where there is no prefix."""
        if not prefix:
            return None
        features = self.prepare([""], prefix, side)
        length = features.get("prompt_length")
        return int(length) if length is not None else None

    @torch.inference_mode()
    def forward(self, features: dict[str, Any], side: Side) -> torch.Tensor:
        """Vectors of one prepared batch, shape ``(n_texts, dim)``, float32, on the model's device."""
        device = self.model.device
        features = {
            key: value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
            for key, value in features.items()
        }
        with self._precision(), self._threads():
            if self.engine is None:
                features = self.model(features, **self.forward_kwargs(side))
            else:
                features["token_embeddings"] = self.engine(features)
                for module in list(self.model.children())[1:]:
                    features = module(features)
            vectors = features["sentence_embedding"]
        vectors = vectors.float()
        if self.model.truncate_dim is not None:
            vectors = vectors[:, : self.model.truncate_dim]
        return self.finish(vectors) if self.finish is not None else vectors

    def drop_weights(self) -> None:
        """Free what the engine holds a copy of; from here on only the engine can run the transformer."""
        transformer = self.model.transformers_model
        assert self.engine is not None
        assert transformer is not None
        for tensor in (*transformer.parameters(), *transformer.buffers()):
            tensor.data = tensor.new_empty(0)  # still on its device, which the library asks a parameter for

    def _precision(self) -> AbstractContextManager[object]:
        low = AUTOCAST.get(self.dtype)
        return nullcontext() if low is None else torch.autocast(self.model.device.type, dtype=low)

    @property
    def is_static(self) -> bool:
        """Whether texts only have their word vectors averaged."""
        return type(next(iter(self.model.children()))) is StaticEmbedding

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """One thread for averaging word vectors: more wait for one another longer than there is work for them."""
        if not self.is_static:
            yield
            return
        own = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(own)

    @property
    def poolings(self) -> list[Pooling]:
        """Every pooling layer."""
        return [module for module in self.model.modules() if isinstance(module, Pooling)]

    @property
    def pools_last_token(self) -> bool:
        """Whether a vector is that of the last token and nothing else."""
        return bool(self.poolings) and all(pooling.pooling_mode == "lasttoken" for pooling in self.poolings)

    def includes_prefix(self, side: Side) -> bool:
        """Whether the prefix's own tokens are averaged into the vector."""
        if side.pooling is not None:
            return side.pooling is PoolingRule.INCLUDE
        return all(pooling.include_prompt for pooling in self.poolings)

    @contextmanager
    def pooled_as(self, side: Side) -> Iterator[None]:
        """Force the prefix's tokens into or out of the pooled vector while inside.

        Raises:
            InexpressibleError: The side asks for it and the model has no pooling layer that could do it.
        """
        if side.pooling is None:
            yield
            return
        poolings = self.poolings
        if not poolings:
            raise InexpressibleError("the model has no pooling layer, so its prefix cannot be forced in or out of it.")
        own = [pooling.include_prompt for pooling in poolings]
        try:
            for pooling in poolings:
                pooling.include_prompt = side.pooling is PoolingRule.INCLUDE
            yield
        finally:
            for pooling, rule in zip(poolings, own, strict=True):
                pooling.include_prompt = rule


def _reads_plain_text(module: torch.nn.Module) -> bool:
    """Whether padding native token ids ourselves is what the module would do, with nothing added of its own."""
    if type(module) is not Transformer:
        return False
    configured: dict[str, object] = vars(module)["modality_config"]  # the class declares no type for it
    own_lengths = (module.query_length, module.document_length, module.query_expansion)
    return (
        bool(getattr(module.tokenizer, "is_fast", False))
        and module.processor is module.tokenizer
        and "message" not in configured
        and not module.processing_kwargs
        and all(setting is None for setting in own_lengths)
        and module.transformer_task == "feature-extraction"
        and not vars(module)["can_flatten_inputs"]
    )
