"""The whole network. `FsrvosModel.forward` reads like the paper's figure 2."""

from __future__ import annotations

from torch import Tensor

from configs.model import ModelConfig
from stages.model.affinity import CrossModalAffinity
from stages.model.decoder import Decoder
from stages.model.dense import DensePrior
from stages.model.encoder import Encoder
from stages.model.fusion import ProjectedWords, TextProjection, VisionLanguageFusion
from stages.model.inputs import FramePyramid, Support, Words
from stages.model.mask_head import MaskHead
from stages.model.pixel_decoder import PixelDecoder
from stages.model.prior import SimilarityPrior
from stages.model.queries import QueryPrediction
from stages.model.query_network import QueryNetwork


class FsrvosModel(QueryNetwork):
    """Few-shot referring video object segmentation. `stages.model.build` assembles it."""

    def __init__(
        self,
        *,
        config: ModelConfig,
        text: TextProjection,
        fusion: VisionLanguageFusion,
        affinity: CrossModalAffinity,
        encoder: Encoder,
        decoder: Decoder,
        pixel_decoder: PixelDecoder,
        mask_head: MaskHead,
        similarity: SimilarityPrior | None = None,
        dense: DensePrior | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.mask_stride = config.mask_stride
        self.text = text
        self.fusion = fusion
        self.affinity = affinity
        self.encoder = encoder
        self.decoder = decoder
        self.pixel_decoder = pixel_decoder
        self.mask_head = mask_head
        self.similarity = similarity
        self.dense = dense

    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> QueryPrediction:
        """Masks, boxes and scores of T query frames of B clips.

        Args:
            query: the clips to segment.
            words: the sentences that describe what to segment.
            support: S annotated frames a clip.
            auxiliary: also what the decoder's earlier layers say (needed to train).
        """
        if self.config.affinity_support_frames == "middle":
            support = support.middle()
        projected, described = self.words(words), self.words(support.words)
        query_maps = self.fusion(query, projected)
        support_maps = self.fusion(support.frames, described, stretch=self.config.power_log)
        maps = [
            self.affinity(query_map, support_map, support.masks)
            for query_map, support_map in zip(query_maps, support_maps, strict=True)
        ]
        shortcut = None
        if self.similarity is not None:
            maps, shortcut = self.similarity(maps, query, support)
        memory = self.encoder(maps, query, projected)
        encoded = dict(zip(self.config.levels, memory.layout.split(memory.tokens), strict=True))
        objects = self.decoder(memory, self.sentence(words, frames=query.maps[0].shape[1]))
        features = self.pixel_decoder(encoded, query, projected)
        dense = None
        if self.dense is not None:
            dense = self.dense(encoded[self.config.levels[0]], shortcut)
        return self.draw(objects if auxiliary else objects[-1:], features, query, dense)

    def words(self, words: Words) -> ProjectedWords:
        """Words at the network's width, the sentence among them where the configuration says so."""
        return self.text.words(words, with_sentence=self.config.sentence_word)

    def sentence(self, words: Words, frames: int) -> Tensor | None:
        """The sentence state for every frame, [B*T, C], where the queries take it."""
        if not self.config.sentence_queries:
            return None
        return self.text(words.sentence).repeat_interleave(frames, dim=0)

    def freeze(self) -> None:
        """The affinity's projections, where the configuration keeps them as they start."""
        if not self.config.train_affinity:
            self.affinity.freeze_projections()
