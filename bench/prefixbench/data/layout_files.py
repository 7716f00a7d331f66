"""Which files of a folder hold what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prefixbench.data.records import FORMATS, file_format
from prefixbench.errors import SpecError

SPLITS = ("test", "dev", "validation", "val", "train")
"""Names of splits, the one to evaluate first."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        path: Where it is.
        name: What the user calls it, for messages.
        split: The split that it says it holds.
    """

    path: Path
    name: str
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one data set.

    Attributes:
        tables: Files of one table, by split where there are several.
        corpus: A corpus, its queries and judgements in three files instead.
        queries: Likewise.
        qrels: Likewise, of the split that is evaluated.
    """

    tables: tuple[Source, ...] = ()
    corpus: Source | None = None
    queries: Source | None = None
    qrels: Source | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every file that is read."""
        return tuple(one for one in (*self.tables, self.corpus, self.queries, self.qrels) if one is not None)


def list_files(path: Path, shown: str, split: str | None) -> Folder:
    """Tell what a file or folder holds.

    Args:
        path: The file or folder.
        shown: What the user calls it.
        split: The split to evaluate, where one was asked for.

    Raises:
        SpecError: The folder holds no data, or not the split asked for.
    """
    if path.is_file():
        return Folder(tables=(Source(path, shown),))
    files = {
        file.relative_to(path).as_posix(): file
        for file in sorted(path.glob("*")) + sorted(path.glob("*/*"))
        if file.is_file() and file_format(file) in FORMATS
    }
    by_stem: dict[str, Source] = {}
    for name, file in files.items():
        by_stem.setdefault(name.split(".")[0], Source(file, f"{shown.rstrip('/')}/{name}"))
    if "corpus" in by_stem and "queries" in by_stem:
        judged = {stem.removeprefix("qrels/"): one for stem, one in by_stem.items() if stem.startswith("qrels")}
        return Folder(corpus=by_stem["corpus"], queries=by_stem["queries"], qrels=_choose(judged, shown, split))
    tables = [Source(one.path, one.name, _split_of(stem)) for stem, one in by_stem.items() if "qrels" not in stem]
    if len(tables) > 1:
        tables = [one for one in tables if one.split is not None]
    if not tables:
        raise SpecError(
            f"{shown}: holds neither corpus, queries and qrels, nor one table, nor tables named train and test; "
            f"formats: {', '.join(FORMATS)}."
        )
    return Folder(tables=tuple(_choose_tables(tables, shown, split)))


def _choose(judged: dict[str, Source], shown: str, split: str | None) -> Source:
    if not judged:
        raise SpecError(f"{shown}: has corpus and queries but no judgements; add qrels/test.tsv.")
    if split is not None and split not in judged:
        raise SpecError(f"{shown}: has no qrels of split {split!r}; valid choices: {', '.join(sorted(judged))}.")
    chosen = split or next((name for name in SPLITS if name in judged), None) or next(iter(judged))
    return judged[chosen]


def _split_of(stem: str) -> str | None:
    first = stem.rpartition("/")[2].split("-")[0].split("_")[0].lower()
    return first if first in SPLITS else None


def _choose_tables(tables: Sequence[Source], shown: str, split: str | None) -> list[Source]:
    """The table to evaluate, named ``test``, and the one to train on."""
    if len(tables) == 1:
        return list(tables)
    there = {one.split: one for one in reversed(tables)}
    if split is not None and split not in there:
        names = ", ".join(sorted(name for name in there if name))
        raise SpecError(f"{shown}: has no split {split!r}; valid choices: {names}.")
    chosen = split or next(name for name in SPLITS if name in there)
    tested = Source(there[chosen].path, there[chosen].name, "test")
    return [tested, *([there["train"]] if "train" in there and chosen != "train" else [])]
