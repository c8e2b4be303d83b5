"""A chart of figures as SVG, legible on light and dark pages: it brings its own background."""
from xml.sax.saxutils import escape

WIDTH, MARGIN, LABELS, VALUES, BAR, STEP, TITLE = 760, 20, 190, 90, 18, 26, 34
PAPER, INK, FAINT, OURS, THEIRS = "#ffffff", "#1f2328", "#59636e", "#0969da", "#afb8c1"


def panel(top, title, bars, unit):
    """Horizontal bars below a title; the first one is what the others are compared with."""
    greatest = max(value for _, value in bars)
    room = WIDTH - 2 * MARGIN - LABELS - VALUES
    yield text(MARGIN, top + 16, title, INK, weight="600")
    for index, (name, value) in enumerate(bars):
        y = top + TITLE + index * STEP
        length = max(1, room * value / greatest)
        left = MARGIN + LABELS
        yield text(left - 8, y + 13, name, INK, anchor="end")
        yield (f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2" '
               f'fill="{THEIRS if index else OURS}"/>')
        yield text(left + length + 6, y + 13, f"{value:,.0f}{unit}", FAINT)


def text(x, y, words, fill, anchor="start", weight="400"):
    return (f'<text x="{x:.1f}" y="{y}" fill="{fill}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def chart(panels):
    """`panels` are (title, bars, unit), bars (name, value)."""
    parts, top = [], MARGIN
    for title, bars, unit in panels:
        parts += panel(top, title, bars, unit)
        top += TITLE + len(bars) * STEP + MARGIN
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
            f'height="{top}" font-family="system-ui, sans-serif" font-size="13">\n'
            f'<rect width="{WIDTH}" height="{top}" rx="6" fill="{PAPER}"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def of_peers(results, in_flight):
    at = {name: flights[in_flight] for name, flights in results.items()}
    return chart([
        (f"Server CPU per request, {in_flight} in flight (less is better)",
         [(name, row["cpu"]) for name, row in at.items()], " us"),
        (f"Requests per second, {in_flight} in flight (more is better)",
         [(name, row["rps"]) for name, row in at.items()], ""),
    ])
