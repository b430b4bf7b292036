"""What the writer and the readers of the feature cache must agree on: keys and number formats."""
