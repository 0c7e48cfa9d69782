"""Lay out the pages of the template and of a generated project, and build them as a site.

    python tools/build_site.py build/flight-delays        writes build/site

Links stay as they are on GitHub. One to a file that is no page leads to the repository; a diagram
is drawn here. Sphinx stops at a link or heading that is not there, and at a page that no list has.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import mermaidx

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "<<cookiecutter.project_slug>>"
REPOSITORY = "https://github.com/OWNER/cookiecutter-mlops-actions/blob/main/"
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs")
OF_LOOP = ("loop/README.md", "loop/docs")  # whatever the answers
LINK = re.compile(r"(?<=\]\()(?!https?://|mailto:|#)([^)#\s]+)")
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.M | re.S)


def lay_out(project, source):
    """Copy all pages and their pictures into the folder `source`, and settle their links."""
    shutil.rmtree(source, ignore_errors=True)
    for name in PAGES:
        copy(ROOT / name, source / name)
    for name in OF_LOOP:
        copy(ROOT / TEMPLATE / name, source / "project" / name)
    copy(project / "README.md", source / "project/README.md")
    for path in (source / "docs/site").iterdir():
        shutil.move(path, source / path.name)
    (source / "docs/site").rmdir()
    for page in source.rglob("*.md"):
        page.write_text(settled(page, source), encoding="utf-8")


def copy(path, target):
    """Copy a file or a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copy2(path, target)


def settled(page, source):
    """Return the text of a page with the links of the site and with pictures for diagrams."""
    text = page.read_text(encoding="utf-8").replace(f"{TEMPLATE}/", "project/")
    text = LINK.sub(lambda found: settled_link(found[1], page, source), text)
    return DIAGRAM.sub(lambda found: drawn(found[1], source, page), text)


def settled_link(link, page, source):
    """Return the link, or the place in the repository of what is no part of the site."""
    target = Path(os.path.normpath(page.parent / link))
    if target.is_file():
        return link
    inside = target.relative_to(source).as_posix()
    return REPOSITORY + quote(re.sub("^project(?=/|$)", TEMPLATE, inside))


def drawn(text, source, page):
    """Draw a diagram, once for each text, and return the Markdown that shows it."""
    name = f"diagram-{hashlib.sha256(text.encode()).hexdigest()[:12]}.svg"
    (source / name).write_text(mermaidx.render(text).svg(), encoding="utf-8")
    return f"![Diagram]({os.path.relpath(source / name, page.parent)})"


def build(source, target):
    """Build the site anew; a warning is an error. Returns the exit status."""
    options = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet", "--fresh-env"]
    command = [sys.executable, "-m", "sphinx", *options, source, target]
    return subprocess.run(command, check=False).returncode


def main():
    """Build the site with the README of the project that the command line names."""
    source, target = ROOT / "build/site-source", ROOT / "build/site"
    lay_out(Path(sys.argv[1]), source)
    shutil.rmtree(target, ignore_errors=True)
    if status := build(source, target):
        sys.exit(status)
    print(f"The site: {target}/index.html")


if __name__ == "__main__":
    main()
