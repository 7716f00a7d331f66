"""Which files of a folder hold what."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from prefixbench.data.records import FORMATS, file_format
from prefixbench.errors import SpecError

SPLITS = ("test", "dev", "validation", "val", "train")
"""Names of splits, the one to evaluate first."""

PIECE = re.compile(r"-\d+-of-\d+$")
"""How the files end that a table is cut into."""


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
    """The files of one data set; a table may be cut into several.

    Attributes:
        tables: Files of one table, by split where there are several.
        corpus: A corpus, its queries and judgements in files of their own instead.
        queries: Likewise, of the split that is evaluated, where they come by split.
        qrels: Likewise.
    """

    tables: tuple[Source, ...] = ()
    corpus: tuple[Source, ...] = ()
    queries: tuple[Source, ...] = ()
    qrels: tuple[Source, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every file that is read."""
        return (*self.tables, *self.corpus, *self.queries, *self.qrels)


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
    found = _list_tables(path, shown)
    corpus, queries = _find_part("corpus", found), _find_part("queries", found)
    if corpus and queries:
        judged = _find_judgements(found)
        chosen = _choose(judged, shown, split)
        return Folder(corpus=_join(corpus), queries=queries.get(chosen) or _join(queries), qrels=judged[chosen])
    tables = {stem: sources for stem, sources in found.items() if "qrels" not in stem}
    if len(tables) > 1:
        tables = {stem: sources for stem, sources in tables.items() if _split_of(stem) is not None}
    if not tables:
        raise SpecError(
            f"{shown}: holds neither corpus, queries and qrels, nor one table, nor tables named train and test; "
            f"formats: {', '.join(FORMATS)}."
        )
    return Folder(tables=_choose_tables(tables, shown, split))


Tables = dict[str, tuple[Source, ...]]
"""The files of each table, by a name."""


def _list_tables(path: Path, shown: str) -> Tables:
    """Tables by their place in the folder, without ending and number: ``qrels/test``."""
    tables: Tables = {}
    for file in sorted(path.glob("*")) + sorted(path.glob("*/*")):
        if not file.is_file() or file_format(file) not in FORMATS:
            continue
        place = file.relative_to(path)
        stem = PIECE.sub("", file.name.split(".")[0])
        is_piece = PIECE.search(file.name.split(".")[0]) is not None
        own = tables.get(key := (place.parent / stem).as_posix(), ())
        if not own or is_piece:
            tables[key] = (*own, Source(file, f"{shown.rstrip('/')}/{place.as_posix()}", _split_of(key)))
    return tables


def _find_part(name: str, tables: Tables) -> Tables:
    """Files of a corpus or of queries, by split: one table of that name, else all in the folder of that name."""
    if name in tables:
        return {"": tables[name]}
    found: Tables = {}
    for stem, sources in tables.items():
        if stem.startswith(f"{name}/"):
            split = _split_of(stem) or ""
            found[split] = (*found.get(split, ()), *sources)
    return found


def _find_judgements(tables: Tables) -> Tables:
    """Files of judgements by what they are named after, which is a split as a rule."""
    named = {stem.removeprefix("qrels/"): sources for stem, sources in tables.items() if stem.startswith("qrels")}
    if named:
        return named
    # On hubs they are often the data set's own table, beside the folders of corpus and queries.
    return {
        split: sources
        for stem, sources in tables.items()
        if (split := _split_of(stem)) is not None and stem.rpartition("/")[0] in ("", "data", "default")
    }


def _join(tables: Tables) -> tuple[Source, ...]:
    return tuple(one for sources in tables.values() for one in sources)


def _choose(judged: Tables, shown: str, split: str | None) -> str:
    if not judged:
        raise SpecError(f"{shown}: has corpus and queries but no judgements; add qrels/test.tsv.")
    if split is not None and split not in judged:
        raise SpecError(f"{shown}: has no qrels of split {split!r}; valid choices: {', '.join(sorted(judged))}.")
    return split or next((name for name in SPLITS if name in judged), None) or next(iter(judged))


def _split_of(stem: str) -> str | None:
    first = stem.rpartition("/")[2].split("-")[0].split("_")[0].lower()
    return first if first in SPLITS else None


def _choose_tables(tables: Tables, shown: str, split: str | None) -> tuple[Source, ...]:
    """The table to evaluate, named ``test``, and the one to train on."""
    if len(tables) == 1:
        return next(iter(tables.values()))
    there = {_split_of(stem): sources for stem, sources in reversed(tables.items())}
    if split is not None and split not in there:
        names = ", ".join(sorted(name for name in there if name))
        raise SpecError(f"{shown}: has no split {split!r}; valid choices: {names}.")
    chosen = split or next(name for name in SPLITS if name in there)
    tested = tuple(replace(one, split="test") for one in there[chosen])
    return (*tested, *(there["train"] if "train" in there and chosen != "train" else ()))
