"""Checks that run in an environment of their own, which has Google's client."""
