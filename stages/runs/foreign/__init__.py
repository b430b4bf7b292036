"""Checkpoints of other programs, read, told apart and turned into run folders."""
