"""Predictions of other programs: a module a layout, read into our predictions file and written."""
