"""The parts of `stages.train`: a step, the optimiser, and what is varied between steps."""
