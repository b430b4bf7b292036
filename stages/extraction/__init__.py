"""Frames into the feature cache: what is missing, the pipeline that makes it, and clusters."""
