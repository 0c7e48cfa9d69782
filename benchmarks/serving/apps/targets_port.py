"""The port on which every target is asked."""

PORT = 8391
