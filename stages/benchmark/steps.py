"""A training step and a forward pass of a workload, and the memory and operations they take."""

from __future__ import annotations

from torch.utils.flop_counter import FlopCounterMode

from stages.benchmark.workload import Workload
from stages.feeding.batches import EpisodeBatch
from stages.feeding.inference import run_model
from stages.runtime.allocator import keep_freed_memory
from stages.training.learning import Learner

STEPS_FOR_MEMORY = 2  # the second has the optimiser's state beside it


def forward(learner: Learner, batch: EpisodeBatch) -> None:
    """What evaluating takes."""
    learner.model.eval()
    run_model(learner.model, batch, learner.config.train.precision)
    learner.model.train()


def step(learner: Learner, batch: EpisodeBatch) -> None:
    """What training takes."""
    learner.backward(learner.losses(batch))
    learner.descend()


def step_flop(learner: Learner, batch: EpisodeBatch) -> int:
    """Floating-point operations of a step's matrix products, convolutions and attention."""
    with FlopCounterMode(display=False) as counter:
        step(learner, batch)
    return int(counter.get_total_flops())


def take_steps(device: str, name: str, height: int, width: int, *stated: str) -> None:
    """Some steps, for a process whose memory is measured."""
    work = Workload(name, (height, width), stated)
    if not work.config.train.checkpointing:  # as in stages.train
        keep_freed_memory()
    learner, batch = work.learner(device), work.batch(device)
    for _ in range(STEPS_FOR_MEMORY):
        step(learner, batch)
