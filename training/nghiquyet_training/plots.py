"""The plots of reports, as SVG that stands inside a page."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nghiquyet.labels import LABELS
from nghiquyet_training.calibration import Claims, reliability
from nghiquyet_training.learning_curve import Curve, Point, fit_curve

STYLE: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "nghiquyet", "font.size": 10}
GREY = "#888888"
FEW = 5  # spans; the share right of fewer says nothing


def reliability_plot(claims: Claims) -> str:
    """Share of right spans by score, bin by bin, beside the diagonal of an honest model; spans a bin below."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="honest")
    bins = reliability(claims)
    top.plot([b.score for b in bins], [b.right for b in bins], marker="o", color="#1f4e79", label="this model")
    top.set(ylabel="share right", xlim=(0, 1), ylim=(0, 1.02))
    top.legend(frameon=False, loc="upper left")
    bottom.hist(claims.scores, bins=np.linspace(0, 1, 11).tolist(), color="#1f4e79", alpha=0.6)
    bottom.set(xlabel="score", ylabel="spans")
    return _svg(figure, [top, bottom])


def label_reliability_plot(claims: Claims) -> str:
    """The same by label, in five bins, since a label has few spans; bins of fewer than FEW are left out."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    for label in LABELS:
        if bins := [b for b in reliability(claims.of(label.name), 5) if b.size >= FEW]:
            scores, right = [b.score for b in bins], [b.right for b in bins]
            axes.plot(scores, right, marker="o", color=label.colour, label=label.name)
    axes.set(xlabel="score", ylabel="share right", xlim=(0, 1), ylim=(0, 1.02))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="upper left")
    return _svg(figure, [axes])


def curve_plot(points: Sequence[Point], later: int) -> str:
    """Trainings as dots, the fitted curve, and where it goes up to `later` documents."""
    sizes = np.array([p.documents for p in points], dtype=np.float64)
    curve: Curve = fit_curve(sizes, np.array([p.f1 for p in points]))
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.scatter(sizes, [p.f1 for p in points], color="#1f4e79", label="one training")
    known, ahead = np.linspace(sizes.min(), sizes.max(), 100), np.linspace(sizes.max(), later, 20)
    axes.plot(known, curve(known), color="#1f4e79")
    axes.plot(ahead, curve(ahead), color="#1f4e79", linestyle=":", label="extrapolated")
    axes.set(xlabel="annotated documents", ylabel="F1", xlim=(0, later * 1.02))
    axes.legend(frameon=False, loc="lower right")
    return _svg(figure, [axes])


def interval_plot(rows: Mapping[str, tuple[float, float, float]]) -> str:
    """F1 with its interval, a line a row: name -> (F1, low, high)."""
    figure = Figure(figsize=(6.4, 0.6 + 0.38 * len(rows)), layout="constrained")
    axes = figure.subplots()
    colours = {label.name: label.colour for label in LABELS}
    names = list(reversed(list(rows)))
    for i, name in enumerate(names):
        f1, low, high = rows[name]
        colour = colours.get(name, "#222222")
        axes.plot([low, high], [i, i], color=colour, linewidth=5, alpha=0.35, solid_capstyle="round")
        axes.plot([f1], [i], marker="o", color=colour)
    axes.set(yticks=range(len(rows)), yticklabels=names, xlabel="F1, 95% interval", xlim=(0, 1.02))
    return _svg(figure, [axes])


def _svg(figure: Figure, axes: Sequence[Axes]) -> str:
    """The figure as an <svg> element: text stays text, the same figure is the same bytes."""
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(color="#dddddd", linewidth=0.5)
        each.set_axisbelow(True)
    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'role="img"', svg, count=1)
