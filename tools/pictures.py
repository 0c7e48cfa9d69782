"""The pictures of the README: what a run of `make demo` left, in a real browser.

    make demo 2>&1 | tee build/demo.log
    python tools/pictures.py

Writes docs/pictures: the report of the better model, the endpoint's page with an answer, the
dashboard with a silent sensor, and the run itself (terminal.py). Needs Chromium, and a font with
emoji (fonts-noto-color-emoji).
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import terminal
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
DEMO = ROOT / "build" / "demo"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE = {"width": 1100, "height": 760}


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the demo's bundle on a free port; give the address that it prints."""
    code = os.pathsep.join(str(folder / part) for part in ("src", "loop/src"))
    command = [folder.parents[1] / ".venv/bin/loop", "serve", "--port", "0"]
    env = os.environ | {"PYTHONPATH": code}
    log = folder / "build" / "serve.log"
    with log.open("w") as out, subprocess.Popen(command, cwd=folder, env=env, stdout=out) as server:
        try:
            yield address(log)
        finally:
            server.terminate()


def address(log: Path) -> str:
    """Wait until the server has printed its address and give it."""
    for _ in range(240):
        if found := re.search(r"http://\S+", log.read_text()):
            return found[0]
        time.sleep(0.25)
    sys.exit(f"The endpoint printed no address, see {log}")


def take(browser: Browser, url: str, name: str, predict: bool = False) -> None:
    """Take a picture of what is seen first; `predict` asks for the example before."""
    page = browser.new_page(viewport=WIDE)
    page.goto(url)
    if predict:
        page.get_by_role("button", name="Predict").first.click()
        page.get_by_text("Effect of each value").first.wait_for()
        page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=PICTURES / f"{name}.png")
    page.close()


def main() -> None:
    """Write the pictures of the demo in a folder, build/demo by default."""
    demo = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO
    log = Path(sys.argv[2]) if len(sys.argv) > 2 else demo.with_suffix(".log")
    loop = demo / "build" / "loop"
    if not (log.exists() and (loop / "reports").exists()):
        sys.exit(f"{log} or {loop} is missing. Next: make demo 2>&1 | tee {log}")
    if not (chromium := shutil.which("chromium")):
        sys.exit("chromium is not on PATH. Next: install it, and run the same command again")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        for name, page in {"report": "promoted", "dashboard": "alarm"}.items():
            take(browser, (loop / f"reports/{page}.html").as_uri(), name)
        with serving(loop) as url:
            take(browser, url, "endpoint", predict=True)
        browser.close()
    (PICTURES / "demo.svg").write_text(terminal.svg(log.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
