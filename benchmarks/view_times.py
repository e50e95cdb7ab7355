"""Any view within two seconds on the built-in nets: each one timed, as a figure and as a widget.

    python benchmarks/view_times.py

What is imported once in a kernel is timed by itself; views that may take longer (t-SNE, UMAP, optimised images) show
their progress and can be stopped, and are listed last.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 2.0  # seconds
NET, IMAGES = "wb/residual-shape", 600
OUT = Path(__file__).parent / "results" / "view_times.txt"


def main() -> None:
    """Measures every view and writes the table."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBENCH_HOME"] = home
        import torch
        from data import machine

        # loading imports before the clock runs: a person has a net and images when a view is asked for
        import workbench as wb

        warnings.filterwarnings("ignore")
        images = wb.load_images("world", n=IMAGES, label="shape")
        plan = wb.Plan(NET, images, tuning="last-k", epochs=2, snapshots=1, precision="fp32", augment="none")
        run = wb.fit(plan, progress=False)
        net, before = run.net(), run.net(epoch=0)
        torch.manual_seed(0)
        lines = [f"{NET}, {IMAGES} images of the world; {machine()}", f"limit {LIMIT:g} s", ""]
        groups = (
            ("once in a kernel", lambda: imports(wb)),
            ("views", lambda: quick(wb, net, before, images, run)),
            ("longer, with progress and Stop", lambda: slow(wb, net, images)),
        )
        for title, views in groups:
            lines += [f"{title:<52}{'seconds':>8}"]
            for name, view in views().items():
                took = timed(view)
                over = "  over the limit" if title == "views" and took > LIMIT else ""
                lines.append(f"  {name:<50}{took:>8.2f}{over}")
                print(lines[-1], flush=True)
            lines.append("")
    text = "\n".join(lines)
    OUT.write_text(text)
    print(text)


def timed(view: Callable[[], Any]) -> float:
    """Seconds until a view is there, drawn."""
    began = time.perf_counter()
    made = view()
    for _ in range(4):  # one request may lead to the next
        if hasattr(made, "wait"):
            made.wait(120)
    if hasattr(made, "_repr_png_"):
        made._repr_png_()
    elif hasattr(made, "to_json"):
        made.to_json()
    took = time.perf_counter() - began
    if getattr(made, "error", ""):
        raise RuntimeError(made.error)
    return took


def imports(wb: Any) -> dict[str, Callable[[], Any]]:
    """What the first figure of a kind brings in."""
    return {
        "importing matplotlib, for grids of images": lambda: wb.figures.convolution_filters,
        "importing plotly, for points, lines and bars": lambda: wb.figures.filter_drift,
    }


def quick(wb: Any, net: Any, before: Any, images: Any, run: Any) -> dict[str, Callable[[], Any]]:
    """Views by name that are there within the limit."""
    some, figures, probes, widgets = images.subset(rows=range(12)), wb.figures, wb.probes, wb.widgets
    nets = {"before": before, "after": net}

    def chosen(of: Any, **values: str) -> Callable[[], Any]:
        def again() -> Any:
            for name, value in values.items():
                getattr(of, name).value = value
            return of

        return again

    saliency, filters = widgets.SaliencyViewer(nets, images), widgets.FilterViewer(nets, images)
    results = widgets.Results(run)
    for view in (saliency, filters, results):
        timed(lambda view=view: view)

    def clicked() -> Any:
        results.mistakes.opened = 0
        return results.mistakes

    views: dict[str, Callable[[], Any]] = {
        "figure: filters": lambda: figures.convolution_filters(probes.filters(net)),
        "figure: filter drift": lambda: figures.filter_drift(probes.filter_drift(before, net)),
        "figure: activation maps": lambda: figures.activation_maps(probes.activation_maps(net, some.subset(rows=[0]))),
        "figure: top activations in 600 images": lambda: figures.top_activations(
            probes.top_activations(net, images, net.stages[2].name, 3)
        ),
        "figure: similarity of two nets, 600 images": lambda: figures.stage_similarity(
            probes.similarity(before, net, images)
        ),
        "figure: PCA of 600 images": lambda: figures.embedding_scatter(probes.embed(net, images)),
        "figure: LDA of 600 images": lambda: figures.embedding_scatter(probes.embed(net, images, method="lda")),
        "figure: evolution over three epochs, PCA": lambda: figures.embedding_scatter(wb.embedding_history(run)),
        "label issues of 600 images": lambda: probes.find_label_issues(wb.extract_features(net, images)),
    }
    for method in wb.probes.describe_saliency_methods()["name"]:
        if method != "attention-rollout":  # of transformers
            views[f"figure: saliency of 12 images, {method}"] = lambda m=method: figures.saliency_maps(
                probes.saliency(net, some, m)
            )
    views |= {
        "figure: two nets compared, 12 images": lambda: figures.saliency_comparison(
            probes.compare_saliency(nets, some)
        ),
        "SaliencyViewer": lambda: widgets.SaliencyViewer(nets, images),
        "SaliencyViewer, most confident mistakes": chosen(saliency, order="most confident mistakes"),
        "SaliencyViewer, all compared": chosen(saliency, net="all, compared"),
        "FilterViewer": lambda: widgets.FilterViewer(nets, images),
        "FilterViewer, what it says": chosen(filters, view="what it says"),
        "FilterViewer, top activations": chosen(filters, view="top activations"),
        "FilterViewer, what moved": chosen(filters, view="what moved"),
        "SimilarityMap": lambda: widgets.SimilarityMap(nets, images),
        "EmbeddingExplorer": lambda: widgets.EmbeddingExplorer(nets, images),
        "EmbeddingExplorer, of a run with snapshots": lambda: widgets.EmbeddingExplorer(run=run),
        "Results, a mistake clicked": clicked,
    }
    return views


def slow(wb: Any, net: Any, images: Any) -> dict[str, Callable[[], Any]]:
    """Views by name that show how far they are."""
    return {
        "EmbeddingExplorer, t-SNE of 600 images": lambda: wb.widgets.EmbeddingExplorer(net, images, method="tsne"),
        "EmbeddingExplorer, UMAP of 600 images": lambda: wb.widgets.EmbeddingExplorer(net, images, method="umap"),
        "figure: feature visualisation, 128 steps": lambda: wb.figures.image_grid(
            list(wb.probes.visualize_features(net, target=net.classes[0]).images)
        ),
        "figure: faithfulness of 12 maps": lambda: wb.figures.faithfulness_curves(
            wb.probes.faithfulness(net, wb.probes.saliency(net, images.subset(rows=range(12))))
        ),
    }


if __name__ == "__main__":
    main()
