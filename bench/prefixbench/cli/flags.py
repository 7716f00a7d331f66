"""Flags that ``plan`` and ``sweep`` share, and how they become a spec."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from prefixbench.cli.app import CacheOption
from prefixbench.errors import SpecError
from prefixbench.spec.load import Overrides, load_sweep, split_names
from prefixbench.spec.margins import parse_smallest_effects
from prefixbench.spec.sweep import Dtype, Engine, SweepSpec

P = ParamSpec("P")
PROJECT_FILE = "prefixbench.toml"
"""The sweep of a project, found without being named."""


@dataclass(frozen=True)
class SweepFlags:
    """One field a flag; a value given wins over the sweep file."""

    spec: Annotated[
        Path | None,
        typer.Argument(help="A sweep file; prefixbench.toml here or above by default.", show_default=False),
    ] = None
    preset: Annotated[str | None, typer.Option(help="A sweep that comes with the project.")] = None
    models: Annotated[str | None, typer.Option(help="A,B: hub names, local folders or embedded models.")] = None
    endpoint: Annotated[str | None, typer.Option(help="The address where --models are called.")] = None
    backend: Annotated[str | None, typer.Option(help="The kind of endpoint; openai by default.")] = None
    like: Annotated[str | None, typer.Option(help="The model whose prefixes and tokenizer stand for theirs.")] = None
    tasks: Annotated[
        str | None, typer.Option(help="TASK,TASK:subset,TASK@labels,BENCHMARK or package.module.Class.")
    ] = None
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Your own data: a file, a folder, hf://…, …@labels. Repeat."),
    ] = None
    data_type: Annotated[str | None, typer.Option(help="What --data is, if its columns cannot tell: STS, …")] = None
    columns: Annotated[str | None, typer.Option(help="Columns of --data: query=COLUMN,passage=COLUMN.")] = None
    language: Annotated[str | None, typer.Option(help="Languages of --data, such as deu-Latn.")] = None
    cards: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Prefix cards of your own.")] = None
    conditions: Annotated[str | None, typer.Option(help="none,correct,wrong:clustering,placebo,…")] = None
    prefix: Annotated[
        list[str] | None, typer.Option(help='A prefix of your own: NAME:query="…",document="…". Repeatable.')
    ] = None
    trust_remote_code: Annotated[
        list[str] | None, typer.Option(metavar="ORG/NAME", help="A model whose own code may run. Repeatable.")
    ] = None
    trust_tasks: Annotated[
        list[str] | None, typer.Option(metavar="MODULE", help="A module of tasks that a sweep file names. Repeatable.")
    ] = None
    results: Annotated[Path | None, typer.Option(help="Results folder; results/NAME by default.")] = None
    cache: CacheOption = None
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None
    dtype: Annotated[Dtype | None, typer.Option(help="Precision of the forward pass.")] = None
    engine: Annotated[Engine | None, typer.Option(help="What computes the forward pass.")] = None
    batch_tokens: Annotated[int | None, typer.Option(help="Padded tokens a batch may hold.")] = None
    max_seq_length: Annotated[int | None, typer.Option(help="Tokens read of prefix and text together.")] = None
    smallest_effect: Annotated[
        list[str] | None, typer.Option(metavar="[METRIC=]POINTS", help="Smallest difference that matters. Repeatable.")
    ] = None
    limit: Annotated[int | None, typer.Option(help="Items kept of each task.")] = None
    seed: Annotated[int | None, typer.Option(help="Seeds every random draw.")] = None

    def load_spec(self) -> SweepSpec:
        """The sweep that this command line asks for.

        Raises:
            SpecError: Anything that cannot be run.
        """
        spec = self.spec
        if spec is None and self.preset is None and (self.models is None or not (self.tasks or self.data)):
            spec = find_project_file()
            if spec is None:
                raise SpecError("nothing to run: name a sweep file, a --preset, or --models with --tasks or --data.")
        encoder = {
            name: getattr(self, name) for name in ("device", "dtype", "engine", "batch_tokens", "max_seq_length")
        }
        overrides = Overrides(
            models=_names(self.models),
            tasks=_names(self.tasks),
            data=self._list_data(),
            cards=None if self.cards is None else str(self.cards),
            conditions=_names(self.conditions),
            prefixes=tuple(self.prefix or ()),
            trusted=tuple(self.trust_remote_code or ()),
            trusted_tasks=tuple(self.trust_tasks or ()),
            endpoint={
                name: value for name in ("endpoint", "backend", "like") if (value := getattr(self, name)) is not None
            },
            encoder={name: value for name, value in encoder.items() if value is not None},
            smallest_effect=parse_smallest_effects(self.smallest_effect) if self.smallest_effect else None,
            limit=self.limit,
            seed=self.seed,
        )
        return load_sweep(spec, self.preset, overrides)

    def _list_data(self) -> tuple[dict[str, Any], ...] | None:
        if not self.data:
            if given := [name for name in ("data_type", "columns", "language") if getattr(self, name) is not None]:
                raise SpecError(f"--{given[0].replace('_', '-')} says something of --data, and there is none.")
            return None
        columns = [one.partition("=") for one in split_names(self.columns or "")]
        if wrong := [part for part, equals, column in columns if not (part and equals and column)]:
            raise SpecError(f"--columns {self.columns!r}: {wrong[0]!r} is not of the form PART=COLUMN.")
        told: dict[str, Any] = {"columns": {part: column for part, _, column in columns}, "type": self.data_type}
        if self.language:
            told["languages"] = split_names(self.language)
        return tuple({"path": path, **told} for path in self.data)

    def results_folder(self, sweep: SweepSpec) -> Path:
        """Where the sweep's results go."""
        return self.results or Path("results") / sweep.name


def find_project_file() -> Path | None:
    """``prefixbench.toml`` in the working directory or the nearest folder above it that has one."""
    here = Path.cwd()
    found = (folder / PROJECT_FILE for folder in (here, *here.parents) if (folder / PROJECT_FILE).is_file())
    return next(found, None)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else split_names(text)


def with_sweep_flags(command: Callable[Concatenate[SweepFlags, P], None]) -> Callable[..., None]:
    """Give a command the shared flags; it receives them as one value, its own flags as they are."""

    def receive(**values: Any) -> None:  # noqa: ANN401 - whatever Typer parsed
        shared = {name: values.pop(name) for name in shared_parameters}
        command(SweepFlags(**shared), **values)  # type: ignore[call-arg]

    shared_parameters = {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(SweepFlags).parameters.items()
    }
    own = list(inspect.signature(command).parameters.values())[1:]
    parameters = [*shared_parameters.values(), *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own)]
    hints = typing.get_type_hints(SweepFlags, include_extras=True) | typing.get_type_hints(command, include_extras=True)
    receive.__name__ = command.__name__
    receive.__doc__ = command.__doc__
    receive.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(annotation=hints[parameter.name]) for parameter in parameters]
    )
    receive.__annotations__ = {parameter.name: hints[parameter.name] for parameter in parameters}
    return receive
