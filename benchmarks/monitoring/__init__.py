"""The monitor, measured on a year of flights."""
