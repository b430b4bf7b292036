"""From a configuration and its encoders to cache keys."""

from cache import FeatureKey, TextKey
from cache.stored_types import stored_type
from configs import FeaturesConfig, UsageError
from stages.data.views import FAMILY
from stages.encoders import TextEncoder, VisionEncoder

# Version of everything between a decoded frame and the encoder's input, and between its output
# and the store. Raise it when that code changes what is stored.
EXTRACTOR = 1
# How stages.data.resize resizes frames.
RESIZE_RULE = "short side, truncated proportion, area down, bilinear up"


def feature_key(features: FeaturesConfig, encoder: VisionEncoder, view: int = 0) -> FeatureKey:
    """The key of the maps that an encoder makes of frames at a configured size.

    view: 0 for the frames as they are, else the number that `view_of` is given. Raises UsageError
    for a stored type that there is not.
    """
    try:
        stored_type(features.stored)
    except ValueError as error:
        raise UsageError(f"features.stored: {error}") from None
    return FeatureKey(
        encoder=encoder.name,
        weights=encoder.digest,
        preprocessing={
            **encoder.preprocessing,
            "short_side": features.short_side,
            "long_side": features.long_side,
            "resize": RESIZE_RULE,
        },
        stored=features.stored,
        view={"index": view, **(FAMILY if view else {})},
        extractor=EXTRACTOR,
    )


def text_key(encoder: TextEncoder) -> TextKey:
    """The key of the states that a text encoder makes."""
    return TextKey(encoder=encoder.name, weights=encoder.digest, width=encoder.width)
