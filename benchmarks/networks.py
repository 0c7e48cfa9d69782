"""Measure how long PyTorch takes to train a network, as a multiple of scikit-learn's time.

    cd build/flight-delays && uv add --group pipeline 'mlops-loop[torch]'
    .venv/bin/python ../../benchmarks/networks.py

Both train the same networks on the same made rows, in turns, on one thread; each number is the
median ratio of CPU seconds. Importing PyTorch is not in it.
"""

import statistics
import time

import numpy as np
from mlops_loop.pipeline.networks import NetworkClassifier

N_ROWS, N_COLUMNS, EPOCHS, TURNS = 10_000, 60, 3, 3
LAYERS = ((64,), (64, 32), (512, 512))
BATCHES = (200, 2000)


def seconds(backend: str, layers: tuple[int, ...], batch: int, x: np.ndarray, y: np.ndarray):
    """Return the CPU seconds of one fit."""
    options = {"hidden_layer_sizes": layers, "batch_size": batch, "random_state": 0}
    network = NetworkClassifier(backend=backend, max_iter=EPOCHS, **options)
    begin = time.process_time()
    network.fit(x, y)
    return time.process_time() - begin


def main() -> None:
    """Print a row of the table for each network."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_ROWS, N_COLUMNS)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + rng.normal(size=N_ROWS) > 0).astype(int)
    seconds("torch", (2,), 200, x, y)  # imports it
    print("| inner layers | rows of a batch | PyTorch / scikit-learn | seconds an epoch |")
    print("|---|--:|--:|--:|")
    for layers in LAYERS:
        for batch in BATCHES:
            taken = [
                [seconds(backend, layers, batch, x, y) for backend in ("torch", "sklearn")]
                for _ in range(TURNS)
            ]
            ratio = statistics.median(torch / sklearn for torch, sklearn in taken)
            epoch = statistics.median(sklearn for _, sklearn in taken) / EPOCHS
            print(f"| {', '.join(map(str, layers))} | {batch:,} | {ratio:.2f} | {epoch:.2f} |")


if __name__ == "__main__":
    main()
