"""What a sweep on a cluster is asked for, and how many workers of each kind the cluster carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefixbench.errors import ClusterError


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Where the workers run, and with what.

    Attributes:
        cache: The cache folder, absolute. A node that sees it under this path shares it; any other is sent vectors, and
            keeps them in the folder that its own ``PREFIXBENCH_CACHE`` names, else in one of this path.
        address: Of a running cluster, as ``ray.init`` takes it; a local one is started where ``None``.
        gpus_per_model: GPUs, or a share of one, that each encoder holds; 0 encodes on processors.
        encoders: Encoders, each with one model at a time; where ``None``, as many as the GPUs allow, or one a node.
        scorers: Scoring workers, one core each; where ``None``, the cores that the encoders leave.
    """

    cache: Path
    address: str | None = None
    gpus_per_model: float = 0.0
    encoders: int | None = None
    scorers: int | None = None


def share_out(resources: dict[str, float], n_nodes: int, settings: ClusterSettings) -> tuple[int, int]:
    """How many encoders and scorers the cluster carries."""
    cores = int(resources.get("CPU", 1))
    gpus = resources.get("GPU", 0.0)
    if settings.gpus_per_model and gpus < settings.gpus_per_model:
        raise ClusterError(f"--gpus-per-model {settings.gpus_per_model:g}: the cluster has {gpus:g} GPUs.")
    fitting = int(gpus / settings.gpus_per_model) if settings.gpus_per_model else n_nodes
    encoders = settings.encoders or max(1, min(fitting, cores // 2))
    scorers = settings.scorers or max(1, cores - encoders)
    if encoders + scorers > max(2, cores):
        raise ClusterError(
            f"--encoders {encoders} and --workers {scorers} take {encoders + scorers} cores; the cluster has {cores}."
        )
    return encoders, scorers
