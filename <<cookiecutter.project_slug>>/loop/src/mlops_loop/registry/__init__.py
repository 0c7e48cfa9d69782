"""Versions and assignments: git tags, and the bundles they lead to."""
