"""The network: feature pyramids, words and support masks in, masks of every query frame out."""

from stages.model.build import build_model
from stages.model.fsrvos import FsrvosModel, Prediction
from stages.model.inputs import FramePyramid, Support, Words

__all__ = ["FramePyramid", "FsrvosModel", "Prediction", "Support", "Words", "build_model"]
