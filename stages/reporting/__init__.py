"""The parts of `stages.report`: what a run folder holds, charts, pictures, the paper's tables."""
