#!/usr/bin/env bash
# `import scipy.stats` parses and writes anew the docstrings of hundreds of its functions.
#
# A decorator adds a table of array libraries to each docstring, when the module is loaded and not when
# help is asked for. So a program that needs one quantile, or anything of scikit-learn, which imports
# scipy.stats, first reads 633 docstrings section by section. scipy.special, which has the quantiles, reads
# 94. That is why the gate takes them from there.
#
# Seen with scipy 1.17.1; scikit-learn 1.9.1 loads scipy.stats in sklearn.base.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cat > "$folder/count.py" <<'PYTHON'
"""Count the docstrings that an import parses."""

import importlib
import sys

from scipy._lib import _docscrape

parsed = 0
parse = _docscrape.NumpyDocString._parse


def count(self):
    """Parse, and count."""
    global parsed
    parsed += 1
    parse(self)


_docscrape.NumpyDocString._parse = count
importlib.import_module(sys.argv[1])
print(parsed)
PYTHON
stats=$("$folder/env/bin/python" "$folder/count.py" scipy.stats)
special=$("$folder/env/bin/python" "$folder/count.py" scipy.special)
echo "import scipy.stats parses $stats docstrings, import scipy.special $special"
((stats > 500 && special < stats / 5))
