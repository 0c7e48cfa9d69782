"""Rows in numbers: what training and production count of each day, in the same frozen bins."""
