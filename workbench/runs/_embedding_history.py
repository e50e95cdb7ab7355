"""History of a run's embeddings: one projection per epoch, each aligned with the previous one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.probes import Embedding, embed

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.runs.run import Run

__all__ = ["embedding_history"]

MAX_IMAGES = 1000  # images per projection


@check_arguments
def embedding_history(
    run: Run,
    images: Images | None = None,
    *,
    stage: str | None = None,
    method: str = "pca",
    dimensions: Literal[2, 3] = 2,
    epochs: Sequence[int] | None = None,
    split: str | None = "valid",
    seed: Seed = 0,
    **options: Any,
) -> dict[str, Embedding]:
    """Project the features of the same images after each epoch of a run, aligned so that points can be followed.

    `wb.figures.embedding_scatter` steps through the projections with a slider. For a run under way, the result covers
    the epochs so far; for a run without snapshots, the initial and the present net.

    Args:
        images: the run's own if None; at most 1,000 of them, evenly spaced.
        stage: stage of the net; None is the input of the head.
        method: pca, tsne, umap or lda.
        dimensions: 2 or 3.
        epochs: a subset of `run.snapshots`; all if None.
        split: split of the images; None is all.
        options: options of the method, as `wb.probes.embed` takes them.

    Raises:
        BadValue: no net of that epoch was kept.
        UnknownName: no such stage or method.
        Unavailable: the run has saved nothing yet.
    """
    import numpy as np

    from workbench.feature_extraction import extract_features

    data = images if images is not None else run.images
    part = data.subset(split=split) if split and len(data.subset(split=split)) else data
    part = part.subset(rows=np.unique(np.linspace(0, len(part) - 1, MAX_IMAGES).astype(int)))
    chosen_epochs = run.snapshots if epochs is None else tuple(epochs)
    features_by_epoch = {
        f"epoch {epoch}": extract_features(run.net(epoch=epoch), part, stage) for epoch in chosen_epochs
    }
    if epochs is None and len(chosen_epochs) == 1:
        net, saved = run.net(), run.status.saved_epoch
        features_by_epoch["now" if saved is None else f"epoch {saved:g}"] = extract_features(net, part, stage)
    return embed(features_by_epoch, method=method, dimensions=dimensions, seed=seed, **options)
