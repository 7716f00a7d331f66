"""What a notebook needs: ``import prefixbench as pb``.

Nothing heavy is imported before a function needs it, so that ``import prefixbench`` takes no time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from typing_extensions import Unpack

    from prefixbench.analysis import AnalysedRun, AnalysisSettings
    from prefixbench.spec.sweep import SweepSpec


class SweepChoices(TypedDict, total=False):
    """What a sweep is made of; each wins over the sweep file, and is spelled as on the command line.

    Attributes:
        models: Hub names, local folders or embedded models.
        tasks: ``TASK``, ``TASK:subset``, a benchmark, or ``package.module.Class``.
        data: Data of your own: paths, or tables with a ``path`` and more, as ``[[data]]`` in a sweep file.
        cards: A folder of prefix cards of your own.
        conditions: ``none``, ``correct``, ``wrong:clustering``, ``placebo``…; ``none`` is always added.
        prefixes: Your own, as ``NAME:query="…",document="…"``.
        endpoint: The address where the models are called.
        backend: The kind of endpoint; ``openai`` by default.
        like: The model whose prefixes and tokenizer stand for theirs.
        trust_remote_code: Models whose own code may run.
        trust_tasks: Modules that the sweep file names and that may be imported.
        smallest_effect: The smallest difference that matters: points, or points by metric.
        limit: Items kept of each task.
        seed: Seeds every random draw.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        engine: ``auto``, ``torch``, ``compiled``, ``openvino`` or ``onnx``.
        batch_tokens: Padded tokens a batch may hold.
        max_seq_length: Tokens read of prefix and text together.
    """

    models: Sequence[str]
    tasks: Sequence[str]
    data: Sequence[str | Mapping[str, Any]]
    cards: Path | str
    conditions: Sequence[str]
    prefixes: Sequence[str]
    endpoint: str
    backend: str
    like: str
    trust_remote_code: Sequence[str]
    trust_tasks: Sequence[str]
    smallest_effect: float | dict[str, float]
    limit: int
    seed: int
    device: str
    dtype: str
    engine: str
    batch_tokens: int
    max_seq_length: int


def load(results: Path | str, settings: AnalysisSettings | None = None) -> AnalysedRun:
    """Read a results folder; its contrasts are computed when first asked for.

    Args:
        results: The folder, such as ``results/starter``.
        settings: What the analysis is told: further contrasts, the smallest effect that matters, resamples, the seed;
            what the run declares where absent.

    Raises:
        ResultsError: The folder does not exist, is none of ours, or is damaged.
    """
    from prefixbench.analysis import AnalysedRun
    from prefixbench.analysis.compare import choose_settings
    from prefixbench.results import load_run

    run = load_run(results)
    return AnalysedRun(run, settings or choose_settings(run))


def plan(
    sweep: Path | str | None = None,
    *,
    results: Path | str | None = None,
    cache: Path | str | None = None,
    **choices: Unpack[SweepChoices],
) -> pd.DataFrame:
    """Lay out a sweep without running anything.

    Args:
        sweep: A sweep file, or the name of a preset; not needed where ``models`` and ``tasks`` are given.
        results: The results folder, to tell what is done; ``results/NAME`` where absent.
        cache: The cache folder, or an address to share vectors at, such as ``s3://bucket/folder``; the user's own cache
            folder where absent.
        **choices: As on the command line.

    Returns:
        One row a cell and condition: ``model``, ``task``, ``hf_subset``, ``hf_split``, ``condition``, the exact strings
        ``query`` and ``document``, ``status`` (``planned``, ``done``, ``skipped`` or ``failed``), ``reason`` of the
        last two, ``texts`` it would send and how many of their vectors are ``cached``, where known.

    Raises:
        SpecError: Anything that cannot be run; all faults at once, each with its place.
    """
    import pandas as pd

    from prefixbench.run.preview import preview_sweep
    from prefixbench.vectors.mirror import open_cache

    spec = _load_spec(sweep, choices)
    preview = preview_sweep(spec, _choose_folder(results, spec), None if cache is None else open_cache(cache))
    rows = [
        {
            "model": one.cell.model.name,
            "task": one.cell.task.name,
            "hf_subset": one.cell.hf_subset,
            "hf_split": one.cell.hf_split,
            "condition": str(condition),
            "query": one.cell.pair.query.prefix,
            "document": one.cell.pair.document.prefix,
            "status": "done" if one.done else "planned",
            "reason": "",
            "texts": one.counts.n_estimated if one.counts.n_texts is None else one.counts.n_texts,
            "cached": one.counts.n_cached,
        }
        for one in preview.cells
        for condition in one.cell.conditions
    ]
    rows += [
        {
            "model": cell.model.name,
            "task": cell.task.name,
            "hf_subset": cell.hf_subset,
            "hf_split": cell.hf_split,
            "condition": str(cell.condition),
            "query": None,
            "document": None,
            "status": cell.status,
            "reason": cell.reason,
            "texts": None,
            "cached": None,
        }
        for cell in preview.unplanned
    ]
    return pd.DataFrame(rows).astype({"texts": "Int64", "cached": "Int64"})


def sweep(
    sweep: Path | str | None = None,
    *,
    results: Path | str | None = None,
    cache: Path | str | None = None,
    overwrite: str = "only-missing",
    workers: int | None = None,
    **choices: Unpack[SweepChoices],
) -> AnalysedRun:
    """Run a sweep, or go on with one, and read what came out; cells that fail are in ``.run.failures``.

    Args:
        sweep: A sweep file, or the name of a preset; not needed where ``models`` and ``tasks`` are given.
        results: The results folder; ``results/NAME`` where absent.
        cache: The cache folder, or an address to share vectors at, such as ``s3://bucket/folder``; the user's own cache
            folder where absent.
        overwrite: ``never``, ``only-missing`` or ``always``.
        workers: Scoring processes; 0 scores in this one.
        **choices: As on the command line.

    Raises:
        SpecError: Anything that cannot be run; all faults at once, each with its place.
        ResultsError: The folder is foreign, made with other settings, or being written to.
    """
    from prefixbench.run.command import SweepOptions, run_sweep
    from prefixbench.run.progress import choose_progress
    from prefixbench.spec.sweep import Overwrite
    from prefixbench.vectors.mirror import open_cache

    spec = _load_spec(sweep, choices)
    folder = _choose_folder(results, spec)
    options = SweepOptions(folder, None if cache is None else open_cache(cache), Overwrite(overwrite), workers)
    run_sweep(spec, options, choose_progress())
    return load(folder)


def resolve(model: str, task: str, conditions: Sequence[str] = ()) -> pd.DataFrame:
    """Tell what each condition sends for one model and task, and where that is documented.

    Args:
        model: A model's name, as in a sweep.
        task: A task's name.
        conditions: Those to show; all there are where empty.

    Returns:
        One row a condition: ``condition``, ``query``, ``document`` (absent where it cannot be expressed), ``rule``
        (what decided, or why it is skipped) and ``source``.

    Raises:
        SpecError: A task or condition that does not exist.
        PrefixNotFoundError: No layer documents the model's prefixes.
    """
    import pandas as pd

    from prefixbench.plan.prefix_tables import PrefixRequest, tabulate_request
    from prefixbench.starter import embedded_models, locate_model, starter_facts

    folder = locate_model(model) if model in embedded_models() else None
    request = PrefixRequest(
        model,
        (task,),
        ",".join(conditions) or None,
        embedded=starter_facts(),
        folders={} if folder is None else {model: folder},
    )
    return pd.DataFrame(
        [
            {
                "condition": row.condition,
                "query": None if row.query is None else row.query.prefix,
                "document": None if row.document is None else row.document.prefix,
                "rule": row.rule,
                "source": "; ".join(dict.fromkeys(f"{source.layer}: {source.citation}" for source in row.sources)),
            }
            for row in tabulate_request(request)
        ]
    )


def _load_spec(sweep: Path | str | None, choices: SweepChoices) -> SweepSpec:
    from prefixbench.spec.load import Overrides, list_presets, load_sweep

    given: dict[str, Any] = dict(choices)
    names: dict[str, Any] = {name: tuple(given[name]) for name in ("models", "tasks", "conditions") if name in given}
    encoder = ("device", "dtype", "engine", "batch_tokens", "max_seq_length")
    overrides = Overrides(
        **names,
        prefixes=tuple(given.get("prefixes", ())),
        trusted=tuple(given.get("trust_remote_code", ())),
        trusted_tasks=tuple(given.get("trust_tasks", ())),
        encoder={name: given[name] for name in encoder if name in given},
        endpoint={name: given[name] for name in ("endpoint", "backend", "like") if name in given},
        data=tuple({"path": one} if isinstance(one, str) else one for one in given["data"])
        if "data" in given
        else None,
        cards=str(given["cards"]) if "cards" in given else None,
        smallest_effect=given.get("smallest_effect"),
        limit=given.get("limit"),
        seed=given.get("seed"),
    )
    preset = sweep if isinstance(sweep, str) and sweep in list_presets() else None
    return load_sweep(None if sweep is None or preset else Path(sweep), preset, overrides)


def _choose_folder(results: Path | str | None, spec: SweepSpec) -> Path:
    return Path("results") / spec.name if results is None else Path(results)
