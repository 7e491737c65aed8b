"""Bar charts as SVG, written by hand: one bar for each stack."""

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 720, 120, 150, 20, 8, 56
OURS, OTHERS, TEXT = "#0b7285", "#adb5bd", "#212529"


def bars(title, unit, figures):
    """Returns a chart of `(name, figure, note)`. The first is ours. Shorter is better."""
    height = TOP + len(figures) * (BAR + GAP) + 16
    longest = max(figure for _, figure, _ in figures)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(16, 24, title, size=16, weight="bold"),
        _text(16, 43, f"{unit}; shorter is better", fill="#495057"),
    ]
    for index, (name, figure, note) in enumerate(figures):
        y = TOP + index * (BAR + GAP)
        width = max(1.0, (WIDTH - LEFT - RIGHT) * figure / longest)
        fill = OTHERS if index else OURS
        lines.append(_text(LEFT - 8, y + 15, name, anchor="end"))
        lines.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{fill}"/>')
        lines.append(_text(LEFT + width + 6, y + 15, note))
    return "\n".join([*lines, "</svg>", ""])


def _text(x, y, text, size=13, weight="normal", anchor="start", fill=TEXT):
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
    )
