from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prefixbench.encode import cached as cached_module
from prefixbench.encode.audit_memo import AuditMemo
from prefixbench.encode.cached import CachedEmbedder, StoredEmbedder, TextCounts
from prefixbench.errors import AuditError, CacheError
from prefixbench.spec.conditions import Role, Side
from prefixbench.vectors import VectorStore, changed_weights
from prefixbench.vectors.embedder import EmbedderIdentity, Inputs, KnownModel, RoleAudit, TokenRows, Vectors
from prefixbench.vectors.keys import vector_keys

IDENTITY = EmbedderIdentity("org/model", "abc", "f" * 64, 256, "mean", "float32", "torch")
QUERY = Side("query: ")


class HashEmbedder:
    """Vectors drawn from a digest of prefix and text; remembers every text it embedded."""

    known = KnownModel(IDENTITY, 8, "cpu", is_role_aware=False)
    tokens_used = 0

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        return Inputs.of(texts, side, titles)

    def embed(self, inputs: Inputs) -> Vectors:
        self.seen += zip(inputs.prefixes, inputs.texts, strict=True)
        return np.stack([expected_vector(*pair) for pair in zip(inputs.prefixes, inputs.texts, strict=True)])


def expected_vector(prefix: str, text: str) -> Vectors:
    seed = hashlib.sha256(f"{len(prefix)}|{prefix}|{text}".encode()).digest()
    return np.random.default_rng(list(seed)).standard_normal(8).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore.open(tmp_path)


def test_repeated_texts_are_embedded_once_and_come_back_in_order(store: VectorStore) -> None:
    model = HashEmbedder()
    cached = CachedEmbedder(model, store)
    vectors = cached.embed(["b", "a", "b", "c", "a"], QUERY)
    assert sorted(model.seen) == [("query: ", "a"), ("query: ", "b"), ("query: ", "c")]
    np.testing.assert_array_equal(vectors, [expected_vector("query: ", text) for text in "babca"])
    assert cached.counts == TextCounts(texts_asked=5, texts_embedded=3)
    assert cached.counts.texts_reused == 2


class UncasedEmbedder(HashEmbedder):
    """Reads no letter case, but as models do, gives vectors that differ in the last bits from one call to the next."""

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        inputs = Inputs.of(texts, side, titles)
        ids = [list(sent.lower().encode()) for sent in inputs.sent]
        return replace(inputs, tokens=TokenRows(ids, None, np.array([len(row) for row in ids])))

    def embed(self, inputs: Inputs) -> Vectors:
        return super().embed(inputs) + np.float32(len(self.seen)) * np.float32(1e-6)


def test_texts_that_are_one_to_the_model_share_a_vector_to_the_last_bit(store: VectorStore) -> None:
    model = UncasedEmbedder()
    cached = CachedEmbedder(model, store)
    many = [f"text {number}" for number in range(200)]
    vectors = cached.embed(["TEXT 7", *many, "Text 7"], QUERY)
    np.testing.assert_array_equal(vectors[0], vectors[8])
    np.testing.assert_array_equal(vectors[0], vectors[-1])
    assert cached.counts == TextCounts(texts_asked=202, texts_embedded=200)
    assert len(model.seen) == 200


def test_a_text_that_is_one_with_a_stored_one_takes_its_vector(store: VectorStore) -> None:
    CachedEmbedder(UncasedEmbedder(), store).embed(["b", "a"], QUERY)
    model = UncasedEmbedder()
    vectors = CachedEmbedder(model, VectorStore.open(store.folder)).embed(["A", "a", "c"], QUERY)
    assert model.seen == [("query: ", "c")]
    np.testing.assert_array_equal(vectors[0], vectors[1])


class LengthsEmbedder(UncasedEmbedder):
    """Remembers how long the texts were that it read at once."""

    def __init__(self) -> None:
        super().__init__()
        self.read_at_once: list[list[int]] = []

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        self.read_at_once.append([len(text) for text in texts])
        return super().read(texts, side, titles)


def test_a_large_corpus_is_read_block_by_block_each_longest_first(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_module, "SORTED_TEXTS", 20)
    monkeypatch.setattr(cached_module, "FIRST_WINDOW", 4)
    monkeypatch.setattr(cached_module, "WINDOW_TEXTS", 8)
    texts = ["x" * (1 + (7 * number) % 50) for number in range(50)]
    CachedEmbedder(HashEmbedder(), store).embed(texts[:3], QUERY)
    model = LengthsEmbedder()
    vectors = CachedEmbedder(model, store).embed([*texts, texts[1].upper(), texts[45].upper()], QUERY)
    np.testing.assert_array_equal(vectors[[1, 45]], vectors[[50, 51]])
    assert [len(lengths) for lengths in model.read_at_once] == [3, 8, 8, 1, 8, 8, 4, 8, 4]
    joined = [length for lengths in model.read_at_once for length in lengths]
    for start, end in ((0, 3), (3, 20), (20, 40), (40, 52)):
        assert joined[start:end] == sorted(joined[start:end], reverse=True)


def test_the_next_texts_are_read_while_the_model_computes(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_module, "FIRST_WINDOW", 2)
    monkeypatch.setattr(cached_module, "WINDOW_TEXTS", 2)
    begun = [threading.Event() for _ in range(4)]

    class Ahead(HashEmbedder):
        n_read = 0

        def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
            begun[self.n_read].set()
            self.n_read += 1
            return super().read(texts, side, titles)

        def embed(self, inputs: Inputs) -> Vectors:
            following = begun[min(len(self.seen) // 2 + 1, 3)]
            assert following.wait(timeout=30), "nothing is read before this is embedded"
            return super().embed(inputs)

    CachedEmbedder(Ahead(), store).ensure([f"text {number}" for number in range(8)], QUERY)
    assert all(event.is_set() for event in begun)


def test_another_process_finds_what_was_embedded(store: VectorStore) -> None:
    CachedEmbedder(HashEmbedder(), store).embed(["a", "b"], QUERY)
    model = HashEmbedder()
    cached = CachedEmbedder(model, VectorStore.open(store.folder))
    vectors = cached.embed(["b", "c"], QUERY)
    assert model.seen == [("query: ", "c")]
    np.testing.assert_array_equal(vectors, [expected_vector("query: ", text) for text in "bc"])


def test_titles_count_only_where_the_prefix_holds_one(store: VectorStore) -> None:
    model = HashEmbedder()
    cached = CachedEmbedder(model, store)
    cached.embed(["same", "same"], Side("passage: "), ["One", "Two"])
    cached.embed(["same", "same", "same"], Side("title: {title} | ", title_slot=True), ["One", "Two", ""])
    assert model.seen == [
        ("passage: ", "same"),
        ("title: One | ", "same"),
        ("title: Two | ", "same"),
        ("title: none | ", "same"),
    ]


def test_ensure_stores_without_reading(store: VectorStore) -> None:
    model = HashEmbedder()
    cached = CachedEmbedder(model, store)
    texts = [f"text {number}" for number in range(1000)]
    calls: list[tuple[int, int]] = []
    CachedEmbedder(model, store, lambda embedded, planned: calls.append((embedded, planned))).ensure(texts, QUERY)
    assert len(model.seen) == 1000
    assert calls == [(0, 1000), (64, 0), (192, 0), (512, 0), (232, 0)]
    np.testing.assert_array_equal(cached.embed(texts, QUERY), [expected_vector("query: ", text) for text in texts])
    assert len(model.seen) == 1000


def test_requests_of_one_size_are_counted_once_each(store: VectorStore) -> None:
    calls: list[tuple[int, int]] = []
    cached = CachedEmbedder(HashEmbedder(), store, lambda embedded, planned: calls.append((embedded, planned)))
    for batch in (["a", "b"], ["c", "d"], ["c", "d"]):
        cached.embed(batch, QUERY)
    assert [sum(column) for column in zip(*calls, strict=True)] == [4, 4]


def test_a_slow_model_publishes_little_at_a_time(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    class Slow(HashEmbedder):
        def embed(self, inputs: Inputs) -> Vectors:
            nonlocal now
            now += 0.25 * len(inputs.texts)
            return super().embed(inputs)

    monkeypatch.setattr("prefixbench.encode.writer.time.perf_counter", lambda: now)
    done: list[int] = []
    CachedEmbedder(Slow(), store, lambda n, _: done.append(n)).ensure([f"text {n}" for n in range(200)], QUERY)
    assert done == [0, 64, 40, 40, 40, 16]


def test_a_corpus_larger_than_memory_is_embedded(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fast(HashEmbedder):
        known = replace(HashEmbedder.known, dim=512)

        def embed(self, inputs: Inputs) -> Vectors:
            numbers = np.array([int(text) for text in inputs.texts], dtype=np.float32)
            return np.repeat(numbers[:, None] + 1, self.known.dim, axis=1)

    for bound in ("MAX_CHUNK_BYTES", "MAX_WAITING_BYTES"):
        monkeypatch.setattr(f"prefixbench.encode.writer.{bound}", 1 << 20)
    texts = [str(number) for number in range(20_000)]
    cached = CachedEmbedder(Fast(), store)
    n_bytes = len(texts) * 4 * Fast.known.dim
    tracemalloc.start()
    cached.ensure(texts, QUERY)
    blocks = (cached.embed(texts[start : start + 1000], QUERY) for start in range(0, len(texts), 1000))
    total = sum(int(block[:, 0].sum()) for block in blocks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == sum(range(1, 20_001))
    assert cached.counts == TextCounts(20_000, 20_000)
    assert peak < n_bytes / 3


def test_reading_vectors_needs_no_model_library() -> None:
    code = (
        "import sys, prefixbench.encode.cached, prefixbench.vectors.upkeep; "
        "print({'torch', 'mteb', 'transformers', 'pandas', 'scipy', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_no_texts_are_no_vectors(store: VectorStore) -> None:
    assert CachedEmbedder(HashEmbedder(), store).embed([], QUERY).shape == (0, 8)
    assert StoredEmbedder(IDENTITY, 8, store).embed([], QUERY).shape == (0, 8)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_no_number_fails_with_its_text_and_is_not_stored(store: VectorStore, value: float) -> None:
    class Broken(HashEmbedder):
        def embed(self, inputs: Inputs) -> Vectors:
            vectors = super().embed(inputs)
            vectors[[index for index, text in enumerate(inputs.texts) if text == "bad"]] = value
            return vectors

    with pytest.raises(AuditError) as raised:
        CachedEmbedder(Broken(), store).embed(["fine", "bad"], QUERY)
    assert str(raised.value) == "org/model: the vector of text 'bad' holds a NaN or an infinite number."
    assert not store.contains_many(vector_keys(IDENTITY, QUERY, ["fine", "bad"])).any()


def test_vectors_of_zeros_are_kept_and_counted_unless_all_are(store: VectorStore) -> None:
    class Zero(HashEmbedder):
        def embed(self, inputs: Inputs) -> Vectors:
            vectors = super().embed(inputs)
            vectors[[not text for text in inputs.texts]] = 0
            return vectors

    cached = CachedEmbedder(Zero(), store)
    assert cached.audit(["a", "", "b"], QUERY).n_zero_vectors == 1
    assert CachedEmbedder(Zero(), store).audit(["a", "", "b"], QUERY).n_zero_vectors == 1
    with pytest.raises(AuditError, match=r"^org/model: all 1 vectors are zeros\.$"):
        cached.audit([""], Side())


def test_a_stored_embedder_reads_and_names_what_is_missing(store: VectorStore) -> None:
    CachedEmbedder(HashEmbedder(), store).embed(["a", "b"], QUERY)
    reader = StoredEmbedder(IDENTITY, 8, store)
    np.testing.assert_array_equal(reader.embed(["b", "a", "b"], QUERY), [expected_vector("query: ", t) for t in "bab"])
    with pytest.raises(CacheError) as raised:
        reader.embed(["a", "c", "d"], QUERY)
    assert str(raised.value) == (
        f"{store.folder}: 2 of 3 vectors of org/model with the prefix 'query: ' are not stored, "
        "the first that of text 'c'."
    )


@pytest.mark.parametrize("how", ["embed", "ensure"])
def test_a_damaged_record_is_embedded_again(store: VectorStore, how: str) -> None:
    texts = [f"text {number}" for number in range(20)]
    CachedEmbedder(HashEmbedder(), store).ensure(texts, QUERY)
    path = next(store.folder.rglob("*.arrow"))
    content = path.read_bytes()
    path.write_bytes(content.replace(expected_vector("query: ", "text 7").tobytes(), bytes(32)))
    model = HashEmbedder()
    reader = VectorStore.open(store.folder)
    getattr(CachedEmbedder(model, reader), how)(texts, QUERY)
    assert model.seen == [("query: ", "text 7")]
    assert [(damage.path, len(damage.rows)) for damage in reader.damage] == [(path, 1)]
    vectors = StoredEmbedder(IDENTITY, 8, VectorStore.open(store.folder)).embed(texts, QUERY)
    np.testing.assert_array_equal(vectors, [expected_vector("query: ", text) for text in texts])


def test_changed_weights_under_the_same_name_are_noticed(store: VectorStore) -> None:
    assert changed_weights(store, IDENTITY) is None
    CachedEmbedder(HashEmbedder(), store).embed(["a"], QUERY)
    assert changed_weights(store, IDENTITY) is None
    assert changed_weights(store, replace(IDENTITY, revision="def", weights_digest="0" * 64)) is None
    sentence = changed_weights(store, replace(IDENTITY, weights_digest="0" * 64))
    assert sentence is not None
    assert sentence.startswith(
        "The weights of org/model at revision abc changed under the same name: they were ffffffffffff"
    )
    assert "and are 000000000000 now" in sentence


def test_an_audit_is_remembered_only_as_it_was_written(store: VectorStore, tmp_path: Path) -> None:
    class Counting(UncasedEmbedder):
        n_read = 0

        def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
            Counting.n_read += len(texts)
            return super().read(texts, side, titles)

    def audit(side: Side = QUERY, role: Role | None = Role.QUERY) -> RoleAudit:
        Counting.n_read = 0
        return CachedEmbedder(Counting(), store, memo=AuditMemo(tmp_path / "audits")).audit(["a", "b"], side, role=role)

    first = audit()
    assert Counting.n_read
    assert audit() == first
    assert not Counting.n_read
    for other in ({"side": Side("query:  ")}, {"role": None}, {"role": Role.DOCUMENT}):
        assert audit(**other) != first
        assert Counting.n_read
    for path in (tmp_path / "audits").iterdir():
        for old, new in (
            ("query: a", "query: x"),
            ('"n_texts": 2', '"n_texts": 3'),
            (first.tokens_sha256 or "", "0" * 64),
        ):
            content = path.read_text()
            path.write_text(content.replace(old, new))
            assert audit() == first
            path.write_text(content)
        path.write_text("[]")
    assert audit() == first
    assert Counting.n_read
