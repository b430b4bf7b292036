"""What training and evaluation read: cached maps by video and frame, cached sentences by text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import (
    FeatureKey,
    FeatureStore,
    ItemIndex,
    PackedFeatures,
    PackedText,
    Place,
    QuantisedMaps,
    TextKey,
    TextStore,
    default_root,
    place_of,
)
from cache.backends import each
from configs import AbsentFeaturesError, Config, MissingError
from stages.caching.keys import feature_key, text_key
from stages.data.dataset import Dataset
from stages.data.views import PLAIN, View, view_of
from stages.encoders import load_text, load_vision

Features = FeatureStore | PackedFeatures
Texts = TextStore | PackedText


def _open(
    root: Place, features: Sequence[FeatureKey], text: TextKey
) -> tuple[list[Features], Texts]:
    """The stores of a cache folder, or of the file that `cache export` made of one."""
    if isinstance(root, Path) and root.is_file():
        return [PackedFeatures(root, key) for key in features], PackedText(root, text)
    return [FeatureStore(root, key) for key in features], TextStore(root, text)


class CachedFeatures:
    """Read-only view of the cache for one configuration and one dataset.

    channels: of the four levels; text_width: W. Holds no maps in memory: every call reads.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        cache_root: str | Place | None = None,
        user: Path | None = None,
    ) -> None:
        """cache_root: a cache folder, or one file made by `fsrvos cache export`. user: the run
        folder that depends on these features; prune --unused keeps them for it.

        Raises MissingError when the encoders' weights, which the keys depend on, are absent.
        """
        root = place_of(cache_root) if cache_root else default_root()
        vision, text = load_vision(config.encoder, "cpu"), load_text(config.encoder, "cpu")
        self.dataset = dataset
        self.channels = vision.channels
        self.text_width = text.width
        numbers = range(config.features.views)
        keys = [feature_key(config.features, vision, number) for number in numbers]
        self._views, self.texts = _open(root, keys, text_key(text))
        self.store = self._views[0]
        for used in (*self._views, self.texts):
            used.mark_used(user)
        packed = isinstance(self.texts, PackedText)
        self._index = ItemIndex(root.parent if packed else root)
        self._items: dict[str, str] = {}

    def prepare(self, videos: Sequence[str], augmented: bool = False) -> None:
        """Name the items of videos at once, and require that each is in the cache.

        augmented: in all of its views.
        """
        unnamed = {video: self._paths(video) for video in videos if video not in self._items}
        self._items.update(self._index.items(unnamed))
        if augmented and len(self._views) > 1 and isinstance(self.store, PackedFeatures):
            raise MissingError(
                f"an exported cache holds one view: {self.store.folder}; "
                "train from a cache folder, or with --set train.augment=false"
            )
        for number, store in enumerate(self._views if augmented else self._views[:1]):
            present = each(store.folder, store.has, [self._items[video] for video in videos])
            absent = [video for video, there in zip(videos, present, strict=True) if not there]
            if absent:
                what = f"{len(absent)} of {len(videos)} videos, first {absent[0]}"
                raise self._missing(what, number)

    def views(self, video: str, rng: np.random.Generator) -> Iterator[View]:
        """The views that the cache is to hold of a video, in random order."""
        item = self._item(video)
        return (view_of(int(number), item) for number in rng.permutation(len(self._views)))

    def maps(
        self,
        video: str,
        frame_indices: Sequence[int],
        view: View = PLAIN,
        levels: Sequence[int] | None = None,
    ) -> list[QuantisedMaps]:
        """Maps [T, C, h, w] of chosen frames, one entry a level (strides 4, 8, 16, 32).

        Raises AbsentFeaturesError, CacheIntegrityError naming a damaged item, IndexError for a
        frame the video does not have, ValueError for a view that is not one of `views`.
        """
        item = self._item(video)
        number = [view_of(number, item) for number in range(len(self._views))].index(view)
        try:
            return self._views[number].read(item, frame_indices, levels)
        except MissingError:
            raise self._missing(f"video {video}", number) from None

    def text(self, sentence: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(tokens float32 [L, W], sentence state float32 [W]). Raises AbsentFeaturesError."""
        try:
            return self.texts.read(sentence)
        except MissingError:
            raise self._missing(f"sentence {sentence[:60]!r}") from None

    def _item(self, video: str) -> str:
        if video not in self._items:
            self._items.update(self._index.items({video: self._paths(video)}))
        return self._items[video]

    def _paths(self, video: str) -> list[Path]:
        return [
            self.dataset.frame_path(video, frame) for frame in self.dataset.videos[video].frames
        ]

    def _missing(self, what: str, number: int = 0) -> AbsentFeaturesError:
        view = f"view {number} of " if number else ""
        return AbsentFeaturesError(f"not in the cache: {view}{what}: {self._views[number].folder}")
