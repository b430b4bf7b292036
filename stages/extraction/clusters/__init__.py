"""Extraction on an existing cluster: Dask or Ray.

driver ──bundles of videos (names only)──▶ workers ──items──▶ the cache that all machines see
"""

from stages.extraction.clusters.cluster import Cluster
from stages.extraction.clusters.driver import ClusterExtraction

__all__ = ["Cluster", "ClusterExtraction"]
