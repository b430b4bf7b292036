"""The network: feature pyramids, words and support masks in, masks of every query frame out."""

from stages.model.build import build_model
from stages.model.fsrvos import FsrvosModel
from stages.model.inputs import FramePyramid, Support, Words
from stages.model.queries import QueryPrediction

__all__ = ["FramePyramid", "FsrvosModel", "QueryPrediction", "Support", "Words", "build_model"]
