"""How the features of a run's net came to be: a picture an epoch, each turned to the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from workbench.arguments import check_arguments
from workbench.markers import Seed
from workbench.probes import Embedding, embed

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.runs.record import Run

MOST = 1000  # images of a picture


@check_arguments
def evolution(
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
    """Pictures of the same images as the net of a run saw them, epoch by epoch, so aligned that points move.

    `wb.figures.embedding` leads through them by a slider. Of a run under way it is what there is so far; of one that
    kept no snapshots, how it began and how it is.

    Args:
        images: the run's own if None; at most 1,000 of them, evenly chosen.
        stage: of the net; None is what the head reads.
        method: pca, tsne, umap or lda.
        dimensions: 2 or 3.
        epochs: some of `run.snapshots`; all if None.
        split: which images; None is all.
        options: of the method, as `wb.probes.embed` takes them.

    Raises:
        BadValue: an epoch that was not kept.
        UnknownName: no such stage or method.
        Unavailable: the run has saved nothing yet.
    """
    import numpy as np

    from workbench.embeddings import features

    data = images if images is not None else run.images
    part = data.part(split=split) if split and len(data.part(split=split)) else data
    part = part.part(rows=np.unique(np.linspace(0, len(part) - 1, MOST).astype(int)))
    there = run.snapshots if epochs is None else tuple(epochs)
    seen = {f"epoch {epoch}": features(run.net(epoch=epoch), part, stage) for epoch in there}
    if epochs is None and len(there) == 1:
        net, saved = run.net(), run.status.saved
        seen["now" if saved is None else f"epoch {saved:g}"] = features(net, part, stage)
    return embed(seen, method=method, dimensions=dimensions, seed=seed, **options)
