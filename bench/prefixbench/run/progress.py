"""What a sweep is doing, for a terminal, a log, or a machine."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from typing_extensions import override

from prefixbench.plain import clean_text

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar
    from rich.progress import TaskID


@dataclass
class Counts:
    """Arithmetic shared by all reporters: rates and time left."""

    n_cells: int = 0
    cells_done: int = 0
    cells_before: int = 0
    texts_planned: int = 0
    texts_done: int = 0
    started: float = field(default_factory=time.monotonic)

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
        """From the share of cells done, or ``None`` before the first one."""
        done = self.cells_done - self.cells_before
        return self.seconds / done * (self.n_cells - self.cells_done) if done else None

    def describe(self) -> str:
        """``12/40 cells, 30,211 texts embedded, 311 texts/s, 0:42 left``."""
        parts = [f"{self.cells_done}/{self.n_cells} cells"]
        if self.texts_done:
            parts.append(f"{self.texts_done:,} texts embedded, {self.texts_per_second:,.0f} texts/s")
        if self.seconds_left is not None and self.cells_done < self.n_cells:
            minutes, seconds = divmod(round(self.seconds_left), 60)
            parts.append(f"{minutes}:{seconds:02d} left")
        return ", ".join(parts)


class Progress:
    """Counts silently; told of everything that happens, decides nothing."""

    def __init__(self) -> None:
        self.counts = Counts()

    def start(self, n_cells: int, n_done: int) -> None:
        """The sweep begins, with so many cells in all and so many done before."""
        self.counts = Counts(n_cells=n_cells, cells_done=n_done, cells_before=n_done)

    def say(self, text: str) -> None:
        """A stage or a note worth a line."""

    def texts_planned(self, n_texts: int) -> None:
        """So many more texts are to be embedded."""
        self.counts.texts_planned += n_texts

    def texts_embedded(self, n_texts: int) -> None:
        """So many more texts have been embedded."""
        self.counts.texts_done += n_texts

    def cell_finished(self, label: str, outcome: str) -> None:
        """A cell has its row in the ledger; ``outcome`` begins with ``score`` where it has one."""
        self.counts.cells_done += 1
        self.counts.cells_before += outcome.startswith("skipped")  # took no time, so it says nothing of the time left

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
        last = self.counts.cells_done == self.counts.n_cells
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
    """One JSON object a line: ``event``, counts, rate and seconds left."""

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        counts = self.counts
        row = {
            "event": "progress",
            "text": text,
            "cells": counts.n_cells,
            "cells_done": counts.cells_done,
            "texts_planned": counts.texts_planned,
            "texts_embedded": counts.texts_done,
            "texts_per_second": round(counts.texts_per_second, 1),
            "seconds": round(counts.seconds, 2),
            "seconds_left": None if counts.seconds_left is None else round(counts.seconds_left, 1),
        }
        write_line(self.stream, json.dumps(row))


class TerminalProgress(Progress):
    """Two live bars: cells and texts."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichBar

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[detail]}"))
        self._bar: RichBar = RichBar(*columns, console=Console(file=stream))
        self._cells: TaskID | None = None
        self._texts: TaskID | None = None

    @override
    def start(self, n_cells: int, n_done: int) -> None:
        super().start(n_cells, n_done)
        self._cells = self._bar.add_task("cells", total=n_cells, completed=n_done, detail=self.counts.describe())
        self._texts = self._bar.add_task("texts", total=0, detail="")
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
        if not outcome.startswith("score"):
            self.say(f"{label}: {outcome}")
        self._refresh()

    @override
    def stop(self) -> None:
        self._bar.stop()

    def _refresh(self) -> None:
        counts = self.counts
        if self._cells is not None and self._texts is not None:
            self._bar.update(self._cells, completed=counts.cells_done, detail=counts.describe())
            self._bar.update(
                self._texts,
                total=counts.texts_planned,
                completed=counts.texts_done,
                detail=f"{counts.texts_done:,}/{counts.texts_planned:,}",
            )


def choose_progress(as_json: bool = False) -> Progress:
    """The reporter that fits stderr: bars on a terminal, lines in a log, JSON where asked for."""
    if as_json:
        return JsonProgress(sys.stderr)
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalProgress(sys.stderr)
    return PlainProgress(sys.stderr)
