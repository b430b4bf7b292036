"""The predictions file: every test episode's masks in one HDF5 file.

``fsrvos evaluate`` writes it, ``fsrvos score`` and ``fsrvos report`` read it. Layout::

    /                                attribute "meta": JSON (versions, command, dataset, fold, ...)
    /<condition>/seed<k>/<episode>   one group an episode, the number has five digits
        masks      uint8 [T, H, ceil(W/8)]   np.packbits along the width
        presence   float32 [T]               probability that the object is in the frame
        attribute "info"                 JSON: the fields of EpisodeInfo

Masks are stored as bits because a thousand episodes at annotation resolution would otherwise be
gigabytes; each dataset carries a checksum because HDF5 returns flipped bits without a word.
The file is whole or absent: it grows under a temporary name and is renamed when complete.
"""

from stages.predictions.reader import list_episodes, read_meta, read_predictions
from stages.predictions.records import CONDITIONS, EpisodeInfo, EpisodeKey, EpisodePrediction
from stages.predictions.writer import PredictionWriter

__all__ = [
    "CONDITIONS",
    "EpisodeInfo",
    "EpisodeKey",
    "EpisodePrediction",
    "PredictionWriter",
    "list_episodes",
    "read_meta",
    "read_predictions",
]
