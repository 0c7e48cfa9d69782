"""Write the script that draws `dvc plots show`, so that its page needs no network.

    python loop/tools/vega.py dvc_plots/vega.js

The script is Vega, Vega-Lite and Vega-Embed with all that they need, out of the wheel of
vl-convert-python: https://github.com/vega/vl-convert. The page that loads it is .dvc/plots.html.
"""

import sys
from pathlib import Path


def main() -> None:
    try:
        import vl_convert
    except ImportError:
        print("vega: `dvc plots show` cannot draw. Next: uv add --dev 'vl-convert-python>=1.9'")
        return
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(vl_convert.javascript_bundle(), encoding="utf-8")


if __name__ == "__main__":
    main()
