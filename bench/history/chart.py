"""A growth curve as SVG: sizes on a logarithmic axis, milliseconds from zero."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 420, 50, 250, 40, 40
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2",
           "#7f7f7f", "#bcbd22", "#17becf", "#000000")

Line = Sequence[tuple[int, float]]


def draw(title: str, lines: Mapping[str, Line]) -> str:
    """One line for each name, with its points as (size, milliseconds)."""
    points = [point for line in lines.values() for point in line]
    sizes = sorted({size for size, _ in points})
    top = max(milliseconds for _, milliseconds in points) * 1.1
    span = math.log10(sizes[-1] / sizes[0]) or 1.0

    def across(size: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(size / sizes[0]) / span

    def up(milliseconds: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * milliseconds / top

    parts = [_text(LEFT, 20, title, weight="bold")]
    for step in range(5):
        value = top * step / 4
        parts += [f'<path d="M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
                  _text(LEFT - 8, up(value) + 4, f"{value:.1f}", anchor="end")]
    parts += [_text(across(size), HEIGHT - 15, f"{size:,}", anchor="middle") for size in sizes]
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across(size):.1f},{up(value):.1f}" for size, value in line)
        place = TOP + 18 * number
        parts += [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
                  f'<path d="M{WIDTH - RIGHT + 20} {place}h20" stroke="{colour}" '
                  'stroke-width="2"/>',
                  _text(WIDTH - RIGHT + 46, place + 4, name)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">\n'
            '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")


def _text(
    x: float, y: float, text: str, anchor: str = "start", weight: str = "normal"
) -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
            f"{escape(text)}</text>")
