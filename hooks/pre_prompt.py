"""Refuse a cookiecutter or a Python that cannot generate this project, before any question.

Runs unrendered. Written for any Python 3, so that an old one reads the sentence and no traceback.
"""

import sys

COOKIECUTTER = (2, 6)
PYTHON = (3, 11)


def parse(version):
    """Return the leading two numbers of a version, (2, 6) for "2.6.0"."""
    return tuple(int(part) for part in version.split(".")[:2])


def complaint(cookiecutter_version, python_version):
    """Return one sentence on what is too old and how to replace it, or None."""
    if parse(cookiecutter_version) < COOKIECUTTER:
        return (
            "This template needs cookiecutter 2.6 or newer and this is %s; "
            "install it with: pip install --upgrade cookiecutter" % cookiecutter_version
        )
    if tuple(python_version[:2]) < PYTHON:
        return (
            "This template needs Python 3.11 or newer and cookiecutter runs on %d.%d; "
            "install cookiecutter with a newer Python" % tuple(python_version[:2])
        )
    return None


def main():
    """Print the complaint, if any, and return the exit code."""
    from cookiecutter import __version__

    sentence = complaint(__version__, sys.version_info)
    if sentence:
        print(sentence, file=sys.stderr)
    return 1 if sentence else 0


if __name__ == "__main__":
    sys.exit(main())
