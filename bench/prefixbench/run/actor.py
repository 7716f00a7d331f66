"""What runs on a node of a cluster. It imports no more than its first job needs, so that it is soon there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefixbench.run.executor import Job, Worker


class Actor:
    """One worker: a job at a time, what is dear to load kept for the next."""

    def __init__(self, kind: Worker) -> None:
        if kind is Worker.SCORER:
            from prefixbench.run.processes import silence_worker

            silence_worker()
        else:
            # Ray allows as many threads as the cores it books; encoding fills what scoring leaves.
            os.environ["OMP_NUM_THREADS"] = str(os.cpu_count())

    def sees(self, path: str) -> bool:
        """Whether a file of the driver's is there."""
        return Path(path).is_file()

    def run(self, job: Job[Any], dropped: list[str]) -> Any:  # noqa: ANN401 - whatever the stage returns
        """Forget what is no longer needed, and do the job."""
        if dropped:
            from prefixbench.run.stages import forget

            for name in dropped:
                forget(name)
        return job.run()
