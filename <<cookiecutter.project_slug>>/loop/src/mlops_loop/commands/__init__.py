"""The commands of `loop`, one module for each group; `cli.py` lists them."""
