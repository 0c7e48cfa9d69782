#!/usr/bin/env bash
# scikit-learn: partial_fit of MLPClassifier shuffles the rows into the same order in all later epochs.
#
# partial_fit is one epoch with shuffled rows. With a number as random_state each call begins the
# generator anew; the first one also draws the weights. So from the second epoch on the rows come in
# one and the same order. fit(), and partial_fit with a RandomState, take a new order each time.
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
    for _ in range(5):
        model.partial_fit(x, y, classes=[0, 1])
    print(f"random_state={state!r:.16}: {len(set(orders))} order(s) in 5 epochs, which begin with rows {[o[:3] for o in orders]}")
    assert len(set(orders)) == (2 if isinstance(state, int) else 5)
END
