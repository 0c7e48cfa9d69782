"""Charts as inline SVG: numbers only, so nothing in them needs to be escaped but titles.

Colours are variables of the page, light and dark; a chart never says by colour alone what its table
or its title does not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from mlops_loop.text import number

WIDE, SMALL = (720, 200), (150, 36)  # pixels of the drawing; the page scales it
PAD = 4


@dataclass(frozen=True)
class Line:
    """A line through values by day; None leaves a gap. dash: an estimate."""

    values: Sequence[float | None]
    dash: bool = False


@dataclass(frozen=True)
class _Scale:
    n: int
    low: float
    high: float
    size: tuple[int, int]

    def x(self, i: float) -> float:
        return PAD + i * (self.size[0] - 2 * PAD) / max(self.n - 1, 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low or 1)
        return self.size[1] - PAD - share * (self.size[1] - 2 * PAD)


def lines(
    found: Sequence[Line], title: str, band: tuple[float, float] | None = None,
    size: tuple[int, int] = WIDE,
) -> Markup:  # fmt: skip
    """Lines over the same days, before the band of what is usual; empty without values."""
    values = [v for line in found for v in line.values if v is not None]
    if not values:
        return Markup()
    low, high = min([*values, *(band or ())]), max([*values, *(band or ())])
    scale = _Scale(max(len(line.values) for line in found), low, high, size)
    drawn = [_band(band, scale)] if band else []
    drawn += [_line(line, scale) for line in found]
    if size == WIDE:
        drawn.append(_limits(scale))
    return _svg(title, size, drawn)


def intervals(
    names: Sequence[str], found: Sequence[tuple[float, float, float]], title: str
) -> Markup:
    """A dot with its interval (low, estimate, high) for each name, from left to right."""
    if not found:
        return Markup()
    low, high = min(low for low, _, _ in found), max(high for _, _, high in found)
    scale = _Scale(len(found), low, high, WIDE)
    drawn = [_limits(scale)]
    for i, (name, (start, estimate, end)) in enumerate(zip(names, found, strict=True)):
        x = (i + 0.5) * WIDE[0] / len(found)
        tip = f"{name}: {number(estimate)} ({number(start)} to {number(end)})"
        drawn.append(
            f'<g><title>{escape(tip)}</title><path class="line" d="M{x:.1f} {scale.y(start):.1f}'
            f'V{scale.y(end):.1f}"/><circle class="dot" cx="{x:.1f}" '
            f'cy="{scale.y(estimate):.1f}" r="5"/></g>'
        )
    return _svg(title, WIDE, drawn)


def bars(values: Sequence[float], title: str) -> Markup:
    """A bar for each share in [0, 1]."""
    size = (WIDE[0], 60)
    scale = _Scale(len(values) + 1, 0, 1, size)
    width = max(1.0, scale.x(1) - scale.x(0) - 1)
    drawn = [
        f'<rect class="bar" x="{scale.x(i):.1f}" y="{scale.y(v):.1f}" width="{width:.1f}" '
        f'height="{size[1] - PAD - scale.y(v):.1f}"/>'
        for i, v in enumerate(values)
    ]
    return _svg(title, size, drawn)


def _svg(title: str, size: tuple[int, int], drawn: Sequence[str]) -> Markup:
    head = f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{escape(title)}">'
    return Markup("".join([head, *drawn, "</svg>"]))


def _band(band: tuple[float, float], scale: _Scale) -> str:
    top, bottom = scale.y(band[1]), scale.y(band[0])
    width = scale.size[0] - 2 * PAD
    return (
        f'<rect class="band" x="{PAD}" y="{top:.1f}" width="{width}" '
        f'height="{max(bottom - top, 1):.1f}"/>'
    )


def _line(line: Line, scale: _Scale) -> str:
    parts, pen = [], "M"
    for i, value in enumerate(line.values):
        if value is None:
            pen = "M"
            continue
        point = f"{scale.x(i):.1f} {scale.y(value):.1f}"
        # A day between two gaps is a dot: a line of no length with round ends.
        parts.append(f"{pen}{point}" + ("h0" if pen == "M" else ""))
        pen = "L"
    return f'<path class="line{" dash" if line.dash else ""}" d="{"".join(parts)}"/>'


def _limits(scale: _Scale) -> str:
    """The highest and the lowest value, in the corners."""
    return "".join(
        f'<text x="{PAD}" y="{y}" dominant-baseline="{line}">{number(value)}</text>'
        for y, line, value in (
            (PAD, "hanging", scale.high),
            (scale.size[1] - PAD, "text-after-edge", scale.low),
        )
    )
