"""Intervals of shares of cases, and of sums and differences of numbers that have intervals."""

from __future__ import annotations

import math

import numpy as np

Bounds = tuple[float, float]
Sides = tuple[np.ndarray, np.ndarray]  # lower and upper bounds of several numbers, (n,) each


def exact(share: np.ndarray, n: np.ndarray, tail: float) -> Sides:
    """The exact interval of shares of `n` cases, which may be no whole numbers (Clopper and Pearson
    1934, doi:10.1093/biomet/26.4.404; Korn and Graubard 1998).
    """
    from scipy import special

    hits, misses = share * n, (1 - share) * n
    low = np.where(hits > 0, special.betaincinv(hits, misses + 1, tail), 0)
    return low, np.where(misses > 0, special.betainccinv(hits + 1, misses, tail), 1)


def wilson(share: np.ndarray | float, n: np.ndarray | float, t: np.ndarray | float) -> Sides:
    """The score interval of a share of `n` cases (Wilson 1927, doi:10.2307/2276774)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = share + t**2 / (2 * n)
        half = t * np.sqrt(share * (1 - share) / n + t**2 / (4 * n**2))
        low, high = (middle - half) / (1 + t**2 / n), (middle + half) / (1 + t**2 / n)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def mover(
    weights: np.ndarray, values: np.ndarray, low: np.ndarray, high: np.ndarray,
    related: np.ndarray | None = None,
) -> Bounds:  # fmt: skip
    """Bounds of a weighted sum of numbers from the bounds of each: the method of variance estimates
    recovery (Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I;
    Zou and Donner 2008, doi:10.1002/sim.3095). All (n_values,).

    related: (n_values, n_values) correlations of the estimates; None: independent.
    """
    matrix = np.eye(len(values)) if related is None else related
    total = float(weights @ values)
    down = weights * (values - np.where(weights > 0, low, high))
    up = weights * (np.where(weights > 0, high, low) - values)
    signs = np.sign(weights)
    halves = (math.sqrt(max(0.0, (signs * d) @ matrix @ (signs * d))) for d in (down, up))
    below, above = halves
    return total - below, total + above


def correlations(drawn: np.ndarray) -> np.ndarray:
    """(n_parts, n_parts) from (n_resamples, n_parts); 0 where a part does not vary."""
    known = np.isfinite(drawn)
    means = np.nansum(drawn, axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, drawn - means, 0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    matrix = unit.T @ unit
    np.fill_diagonal(matrix, 1)
    return matrix
