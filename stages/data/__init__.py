"""Video and mask reading, the dataset index, folds, episodes and benchmark builders.

Import the module that holds what is needed; nothing heavy is imported here.
"""
