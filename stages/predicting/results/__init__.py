"""What is written of a video's answers, a module a kind of file."""

from stages.predicting.results.exports import Subject, export
from stages.predicting.results.masks import MaskFolder
from stages.predicting.results.overlay import OverlayVideo
from stages.predicting.results.result import Result, whole_results
from stages.predicting.results.scores import Scores
from stages.predicting.results.sheet import ContactSheet
from stages.predicting.results.soft import SoftMaskFolder
from stages.predicting.results.tracks import Tracks

__all__ = [
    "ContactSheet",
    "MaskFolder",
    "OverlayVideo",
    "Result",
    "Scores",
    "SoftMaskFolder",
    "Subject",
    "export",
    "Tracks",
    "whole_results",
]
