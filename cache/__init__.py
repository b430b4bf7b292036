"""The feature cache: keys, layout, integrity. Knows nothing of models.

A `FeatureStore` holds the maps of one `FeatureKey`, a `TextStore` the sentences of one `TextKey`;
`ItemIndex` names videos by their bytes. docs/cache.md explains the files.
"""

from cache.export import PackedFeatures, PackedText
from cache.items import ItemIndex
from cache.keys import FeatureKey, TextKey, canonical_json, difference
from cache.location import default_root, place_of
from cache.objects import ObjectPath, Place
from cache.quantise import QuantisedMaps, bytes_per_frame, dequantise, quantise
from cache.record import Record
from cache.store import FeatureStore
from cache.text import TextStore, normalise_sentence
from cache.writer import ItemWriter

__all__ = [
    "FeatureKey",
    "FeatureStore",
    "ItemIndex",
    "ItemWriter",
    "ObjectPath",
    "PackedFeatures",
    "PackedText",
    "Place",
    "QuantisedMaps",
    "Record",
    "TextKey",
    "TextStore",
    "bytes_per_frame",
    "canonical_json",
    "default_root",
    "dequantise",
    "difference",
    "normalise_sentence",
    "place_of",
    "quantise",
]
