"""Draw curves; runs in an environment of its own, which has matplotlib.

python -m bench.plot '{"file": ..., "title": ..., "x": ..., "curves": {side: [[x, y], ...]}}'
"""

import json
import sys


def main() -> None:
    """Read what to draw, and draw it."""
    import matplotlib

    matplotlib.use("svg")
    # the same numbers give the same file
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    import matplotlib.pyplot as plt

    plot = json.loads(sys.argv[1])
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for side, points in plot["curves"].items():
        ours = side.startswith("ours")
        axes.plot(*zip(*points, strict=True), marker="o", label=side, linewidth=3 if ours else 1)
    axes.set(xscale="log", yscale="log", xlabel=plot["x"], ylabel="seconds", title=plot["title"])
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(plot["file"], metadata={"Date": None})


if __name__ == "__main__":
    main()
