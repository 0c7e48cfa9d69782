#!/usr/bin/env bash
# scikit-learn: partial_fit of MLPClassifier shuffles the rows into the same order in every epoch.
#
# partial_fit is one epoch with shuffled rows. With a number as random_state each call begins the
# generator anew, so every epoch takes the rows in the order of the first one; fit(), and partial_fit
# with a RandomState, take a new order each time. Shuffling is there to avoid exactly that.
#
# Seen with scikit-learn 1.9.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1
"$folder/env/bin/python" -W ignore - <<'END'
import numpy as np
from sklearn.neural_network import MLPClassifier, _multilayer_perceptron

orders = []
shuffle = _multilayer_perceptron.shuffle


def watched(*arrays, random_state):
    found = shuffle(*arrays, random_state=random_state)
    orders.append(tuple(found[:8].tolist()))
    return found


_multilayer_perceptron.shuffle = watched
x = np.random.default_rng(0).normal(size=(500, 4))
y = (x[:, 0] > 0).astype(int)
for state in (3, np.random.RandomState(3)):
    orders.clear()
    model = MLPClassifier((5,), random_state=state)
    for _ in range(3):
        model.partial_fit(x, y, classes=[0, 1])
    print(f"random_state={state!r:.16}: {len(set(orders))} order(s) in 3 epochs, first rows {orders}")
    assert len(set(orders)) == (1 if isinstance(state, int) else 3)
END
