"""How the clips of a training draw are seen: a view of the frames, a cell view of the maps.

Drawn for the query and the support apart, and alike for episodes of one draw, which share their
clips. What the clip's sentence is about stays to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from configs import TrainConfig
from stages.data.cell_views import random_cell_view
from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.data.views import PLAIN, View, shown_share
from stages.feeding.batches import FeatureSource

# Share of an object's pixels, over the clip, that a view must show.
SHOWN = 0.6


class Augmentation:
    """The views of one training step. Equal generators give equal views.

    How many rows and columns of maps are cut off is drawn once for all queries and once for all
    supports of the step, so that clips of one size stay of one size.
    """

    def __init__(
        self,
        dataset: Dataset,
        source: FeatureSource,
        options: TrainConfig,
        rng: np.random.Generator,
    ) -> None:
        self._dataset, self._source, self._options, self._rng = dataset, source, options, rng
        rows, columns, *others = (int(n) for n in rng.integers(options.crop_maps + 1, size=4))
        self._query_cut, self._support_cut = (rows, columns), (others[0], others[1])

    def __call__(self, draw: Sequence[Episode]) -> list[Episode]:
        """The episodes of one draw, which share frames and support, with their views."""
        queries = self._seen([e.query for e in draw], self._query_cut)
        supports = self._seen([e.support for e in draw], self._support_cut)
        return [
            replace(episode, query=query, support=support)
            for episode, query, support in zip(draw, queries, supports, strict=True)
        ]

    def _seen(self, clips: Sequence[Clip], cut: tuple[int, int]) -> list[Clip]:
        """Clips that differ in the object at most, in one view."""
        view = PLAIN
        if self._options.augment:
            views = self._source.views(clips[0].video, self._rng)
            view = next(v for v in views if v == PLAIN or self._show(v, clips))
        size = self._source.size(clips[0].video)
        cells = random_cell_view(self._rng, size, self._options.flip_maps, cut)
        return [replace(clip, view=view, cells=cells) for clip in clips]

    def _show(self, view: View, clips: Sequence[Clip]) -> bool:
        """Whether a view shows enough of every clip's object."""
        masks = [self._dataset.masks(clips[0].video, f) for f in sorted(set(clips[0].frames))]
        return all(shown_share(view, masks, clip.expression.object_id) >= SHOWN for clip in clips)
