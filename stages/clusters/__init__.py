"""Extraction on an existing cluster: Dask or Ray, through joblib.

driver ──bundles of videos (names only)──▶ workers ──items──▶ the cache that all machines see
"""

from stages.clusters.cluster import Cluster
from stages.clusters.extraction import ClusterExtraction

__all__ = ["Cluster", "ClusterExtraction"]
