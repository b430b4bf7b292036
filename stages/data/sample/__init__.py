"""The sample dataset, drawn by the program itself: no download, the same bytes for a seed."""

from stages.data.sample.generator import SampleSummary, render_sample
from stages.data.sample.sprites import CATEGORIES, fold_group

__all__ = ["CATEGORIES", "SampleSummary", "fold_group", "render_sample"]
