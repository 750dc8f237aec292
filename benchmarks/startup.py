"""What a training process costs before its first round, and what a run costs in a process that is warm.

The run is a smoke run of FedAvg: 3 rounds of a small perceptron on scikit-learn's digits.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

PROGRAM = """
import json, sys, time
from pathlib import Path
start = time.process_time()
from archipelago.studies.batches import train_once
imported = time.process_time()
orders = json.load(sys.stdin)
times = []
for order in orders:
    before = time.process_time()
    train_once(order, 1e9)
    times.append(time.process_time() - before)
median = sorted(times[1:])[len(times) // 2 - 1]
print("TIMES" + json.dumps({"import": imported - start, "first": times[0], "next": median}))
"""


def main() -> None:
    """Train one smoke run under ten seeds in one process."""
    from archipelago.data.prepare import prepare
    from archipelago.partition.make import make_partition
    from archipelago.studies.plan import Plan
    from archipelago.studies.study import read_yaml

    config = read_yaml(ROOT / "config/config.yaml")
    chosen = {**config, "studies": ["fedspeed"], "scale": "smoke", "arms": ["fedavg"], "conditions": ["mlp"]}
    plan = Plan({**chosen, "seeds": list(range(10))}, ROOT)
    runs = list(plan.runs.values())
    with tempfile.TemporaryDirectory() as scratch:
        import numpy as np

        labels = np.load(prepare(runs[0].card.name) / "train_labels.npy")
        orders = []
        for i, run in enumerate(runs):
            path = Path(scratch) / f"{i}.npz"
            make_partition(run.spec["partition"], labels, run.spec["seed"]).save(path)
            orders.append({**run.order(), "folder": str(Path(scratch) / f"run{i}"), "partition": str(path)})
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=json.dumps(orders),
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    times = json.loads(done.stdout.rpartition("TIMES")[2])
    print(
        f"CPU seconds: imports {times['import']:.2f}, first run {times['first']:.2f}, a further run {times['next']:.2f}"
    )


if __name__ == "__main__":
    main()
