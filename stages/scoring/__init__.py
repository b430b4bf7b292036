"""From masks and annotations to figures: the parts of `stages.score`, shared with the report."""
