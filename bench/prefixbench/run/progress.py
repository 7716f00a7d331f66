"""What a sweep is doing, for a terminal, a log, or a machine."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from typing_extensions import override

from prefixbench.plain import clean_text

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar
    from rich.progress import TaskID

LEAST_SHARE = 0.1
"""Before so much is done, nobody knows how long the rest takes."""


@dataclass
class Counts:
    """Arithmetic shared by all reporters: what is expected, how much of it is done, and the time left.

    Attributes:
        n_cells: Cells of the plan.
        n_before: Cells that had their row already.
        n_left_out: Cells left out by rule, which are no work.
        cells_started: Cells whose texts were asked for.
        cells_done: Cells that got a score, or failed to.
        texts_planned: Texts that the cells started so far have to embed.
        texts_done: Texts embedded.
        started: When the sweep began, on the monotonic clock.
    """

    n_cells: int = 0
    n_before: int = 0
    n_left_out: int = 0
    cells_started: int = 0
    cells_done: int = 0
    texts_planned: int = 0
    texts_done: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def n_to_do(self) -> int:
        """Cells that this sweep works on."""
        return self.n_cells - self.n_before - self.n_left_out

    @property
    def texts_expected(self) -> int:
        """Texts of the cells started, and as many a cell for those to come."""
        started = max(self.cells_started, self.cells_done)
        to_come = max(0, self.n_to_do - started)  # a baseline scored before is started too, where vectors are missing
        return self.texts_planned + round(to_come * self.texts_planned / max(1, started))

    @property
    def share(self) -> float:
        """How much is done (0–1): of the texts expected or of the cells, whichever lags."""
        cells = self.cells_done / self.n_to_do if self.n_to_do else 1.0
        return min(cells, self.texts_done / self.texts_expected) if self.texts_expected else cells

    @property
    def seconds(self) -> float:
        """Since the sweep began."""
        return max(time.monotonic() - self.started, 1e-9)

    @property
    def texts_per_second(self) -> float:
        """Mean rate of embedding so far."""
        return self.texts_done / self.seconds

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; ``None`` before a tenth is done."""
        return self.seconds * (1 - self.share) / self.share if self.share >= LEAST_SHARE else None

    @property
    def stage(self) -> str:
        """``preparing``, ``embedding`` or ``scoring``."""
        if not self.texts_done and not self.cells_done:
            return "preparing"
        return "embedding" if self.texts_done < self.texts_expected else "scoring"

    def describe(self) -> str:
        """``embedding, 30,211 of 61,000 texts, 311 texts/s, 12 of 40 cells, 0:42 left``."""
        parts = [self.stage]
        if self.texts_planned:
            parts.append(f"{self.texts_done:,} of {self.texts_expected:,} texts")
        if self.texts_done:
            parts.append(f"{self.texts_per_second:,.0f} texts/s")
        parts.append(f"{self.cells_done} of {self.n_to_do} cells")
        if self.seconds_left is not None and self.cells_done < self.n_to_do:
            minutes, seconds = divmod(round(self.seconds_left), 60)
            parts.append(f"{minutes}:{seconds:02d} left")
        return ", ".join(parts)


class Progress:
    """Counts silently; told of everything that happens, decides nothing."""

    def __init__(self) -> None:
        self.counts = Counts()

    def start(self, n_cells: int, n_done: int) -> None:
        """The sweep begins, with so many cells in all and so many done before."""
        self.counts = Counts(n_cells=n_cells, n_before=n_done)

    def say(self, text: str) -> None:
        """A stage or a note worth a line."""

    def cell_started(self) -> None:
        """The texts of one more cell are asked for."""
        self.counts.cells_started += 1

    def texts_planned(self, n_texts: int) -> None:
        """So many more texts are to be embedded."""
        self.counts.texts_planned += n_texts

    def texts_embedded(self, n_texts: int) -> None:
        """So many more texts have been embedded."""
        self.counts.texts_done += n_texts

    def cell_finished(self, label: str, outcome: str) -> None:
        """A cell has its row in the ledger; ``outcome`` begins with ``score``, ``failed``, ``inert`` or ``skipped``."""
        if outcome.startswith("skipped"):
            self.counts.n_left_out += 1
        else:
            self.counts.cells_done += 1

    def stop(self) -> None:
        """The sweep ends, for whatever reason."""


def write_line(stream: TextIO, text: str) -> None:
    """Tell a person; that nobody reads any more, or a log's disk is full, changes nothing of the sweep."""
    with contextlib.suppress(OSError):
        stream.write(f"{text}\n")
        stream.flush()


class PlainProgress(Progress):
    """Plain lines for logs, CI and dumb terminals, at most one in two seconds besides notes and failures."""

    def __init__(self, stream: TextIO, every: float = 2.0) -> None:
        super().__init__()
        self.stream = stream
        self.every = every
        self._last = 0.0

    @override
    def start(self, n_cells: int, n_done: int) -> None:
        super().start(n_cells, n_done)
        self._line(f"{n_cells} cells, {n_done} done before")

    @override
    def say(self, text: str) -> None:
        self._line(text)

    @override
    def texts_embedded(self, n_texts: int) -> None:
        super().texts_embedded(n_texts)
        if time.monotonic() - self._last > self.every:
            self._line(self.counts.describe())

    @override
    def cell_finished(self, label: str, outcome: str) -> None:
        super().cell_finished(label, outcome)
        if outcome.startswith("skipped"):
            return
        last = self.counts.cells_done == self.counts.n_to_do
        if last or not outcome.startswith("score") or time.monotonic() - self._last > self.every:
            self._line(f"{self.counts.describe()} · {label}: {outcome}")

    @override
    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.flush()

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        write_line(self.stream, clean_text(text))


class JsonProgress(PlainProgress):
    """One JSON object a line: ``event``, stage, counts, rate and seconds left."""

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        counts = self.counts
        row = {
            "event": "progress",
            "stage": counts.stage,
            "text": text,
            "cells": counts.n_to_do,
            "cells_done": counts.cells_done,
            "texts_expected": counts.texts_expected,
            "texts_embedded": counts.texts_done,
            "texts_per_second": round(counts.texts_per_second, 1),
            "seconds": round(counts.seconds, 2),
            "seconds_left": None if counts.seconds_left is None else round(counts.seconds_left, 1),
        }
        write_line(self.stream, json.dumps(row))


class TerminalProgress(Progress):
    """One live bar over the texts expected, with the stage before it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichBar

        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[detail]}"))
        self._bar: RichBar = RichBar(*columns, console=Console(file=stream))
        self._task: TaskID | None = None

    @override
    def start(self, n_cells: int, n_done: int) -> None:
        super().start(n_cells, n_done)
        self._task = self._bar.add_task(self.counts.stage, total=1.0, detail="")
        self._bar.start()

    @override
    def say(self, text: str) -> None:
        self._bar.console.print(clean_text(text), markup=False, highlight=False)

    @override
    def texts_planned(self, n_texts: int) -> None:
        super().texts_planned(n_texts)
        self._refresh()

    @override
    def texts_embedded(self, n_texts: int) -> None:
        super().texts_embedded(n_texts)
        self._refresh()

    @override
    def cell_finished(self, label: str, outcome: str) -> None:
        super().cell_finished(label, outcome)
        if outcome.startswith(("failed", "inert")):
            self.say(f"{label}: {outcome}")
        self._refresh()

    @override
    def stop(self) -> None:
        self._bar.stop()

    def _refresh(self) -> None:
        counts = self.counts
        if self._task is not None:
            stage, _, detail = counts.describe().partition(", ")
            self._bar.update(self._task, description=stage, completed=counts.share, detail=detail)


def choose_progress(as_json: bool = False) -> Progress:
    """The reporter that fits stderr: a bar on a terminal, lines in a log, JSON where asked for."""
    if as_json:
        return JsonProgress(sys.stderr)
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalProgress(sys.stderr)
    return PlainProgress(sys.stderr)


def silence_libraries() -> None:
    """Keep the bars of hub, data sets and model loaders off the terminal; they read this when they are imported."""
    for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
