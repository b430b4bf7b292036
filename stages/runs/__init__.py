"""What a run folder holds: the network with its configuration, and the course of its training."""
