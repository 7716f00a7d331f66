from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset
from mteb._create_dataloaders import create_dataloader
from mteb.mocks.mock_tasks.retrieval import MockRetrievalTask
from mteb.models import EncoderProtocol, ModelMeta, SearchProtocol
from mteb.types import PromptType
from prefixbench.errors import ScoreError
from prefixbench.score import MtebEncoder, score_cell
from prefixbench.score.encoder import read_loader
from prefixbench.spec.conditions import Role

from tests.score_fakes import WordEmbed, make_encoder
from tests.score_tasks import make_retrieval, make_similarity

CORPUS = Dataset.from_dict(
    {"id": ["a", "b"], "title": ["Rivers", ""], "text": [" They flow.", "Stones lie. "], "other": [1, 2]}
)


def name_experiment(meta: ModelMeta) -> str | None:
    return meta.experiment_name


def test_the_encoder_is_an_encoder_and_a_searcher_to_mteb() -> None:
    encoder: object = make_encoder()
    assert isinstance(encoder, EncoderProtocol)
    assert isinstance(encoder, SearchProtocol)


def test_conditions_whose_prefixes_mteb_writes_alike_keep_apart() -> None:
    names = {name_experiment(make_encoder(prefix).mteb_model_meta) for prefix in ("query: ", "query_ ", "query| ", "")}
    assert len(names) == 4


def test_a_registered_model_keeps_its_entry_and_takes_the_revision_given() -> None:
    embed = WordEmbed()
    meta = MtebEncoder(embed, "intfloat/e5-small-v2", "abc", {"condition": "none"}).mteb_model_meta
    assert (meta.name, meta.revision, meta.embed_dim) == ("intfloat/e5-small-v2", "abc", 384)
    unknown = MtebEncoder(embed, "my-model").mteb_model_meta
    assert (unknown.name, unknown.revision) == ("local/my-model", "no_revision_available")


def test_columns_read_at_once_are_those_of_the_batches() -> None:
    loader = create_dataloader(CORPUS, task_metadata=MockRetrievalTask.metadata, prompt_type=PromptType.document)
    assert read_loader(loader) == {
        "text": ["Rivers  They flow.", "Stones lie."],
        "body": [" They flow.", "Stones lie. "],
        "title": ["Rivers", ""],
    }


@pytest.mark.parametrize("title_slot", [False, True])
def test_documents_come_joined_or_with_their_titles_apart(title_slot: bool) -> None:
    embed = WordEmbed(title_slot=title_slot)
    encoder = MtebEncoder(embed, "org/model")
    loader = create_dataloader(CORPUS, task_metadata=MockRetrievalTask.metadata, prompt_type=PromptType.document)
    encoder.encode(
        loader,
        task_metadata=MockRetrievalTask.metadata,
        hf_split="test",
        hf_subset="default",
        prompt_type=PromptType.document,
    )
    joined = (Role.DOCUMENT, ("Rivers  They flow.", "Stones lie."), None)
    apart = (Role.DOCUMENT, ("They flow.", "Stones lie."), ("Rivers", ""))
    assert embed.asked == [apart if title_slot else joined]


def test_symmetric_tasks_have_no_role() -> None:
    embed = WordEmbed()
    score_cell(make_similarity("cosine_spearman"), MtebEncoder(embed, "org/model"), "test", "default")
    assert [role for role, _, _ in embed.asked] == [None, None]


def test_a_vector_too_few_fails_the_cell() -> None:
    encoder = MtebEncoder(lambda part: WordEmbed()(part)[1:], "org/model")
    with pytest.raises(
        ScoreError, match=r"^MadeMockRetrievalTask \(default, test\) queries: 39 texts were asked for and 38 vectors"
    ):
        score_cell(make_retrieval(), encoder, "test", "default")


def test_similarity_is_the_models_own() -> None:
    first, second = np.ones((1, 2), np.float32), np.array([[3.0, 4.0]], np.float32)
    values = {
        name: float(make_encoder(similarity_fn_name=name).similarity(first, second)[0, 0])
        for name in ("cosine", "dot", "euclidean")
    }
    assert values == pytest.approx({"cosine": 7 / 5 / 2**0.5, "dot": 7.0, "euclidean": -(13**0.5)}, rel=1e-6)
    pairwise = make_encoder(similarity_fn_name="dot").similarity_pairwise(first, second)
    assert pairwise.tolist() == [7.0]
