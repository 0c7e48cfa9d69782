"""`python -m PACKAGE VERB` is the command line."""

from .cli import main

main()
