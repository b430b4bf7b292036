"""Which part of the network takes the time and the memory of a training step.

Time is counted to the top-level module whose code runs, forward; backward, to the module that
made the node of the graph. Memory is what a module's operations keep for the backward pass.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stages.benchmark.measure import GB, finish
from stages.feeding.batches import EpisodeBatch
from stages.training.learning import Learner

REST, LOSSES, OPTIMISER = "rest", "losses", "optimiser"


@dataclass
class Cost:
    """Seconds of the two passes, and bytes kept between them."""

    forward: float = 0.0
    backward: float = 0.0
    saved: int = 0


def module_rows(learner: Learner, batch: EpisodeBatch, case: str) -> dict[str, float]:
    """`modules.<case>.<module>.<column>`: shares of a step's seconds, and gigabytes kept."""
    costs = step_costs(learner, batch)
    step = sum(cost.forward + cost.backward for cost in costs.values())
    rows = {}
    for module, cost in costs.items():
        rows[f"modules.{case}.{module}.forward_share"] = cost.forward / step
        rows[f"modules.{case}.{module}.backward_share"] = cost.backward / step
        rows[f"modules.{case}.{module}.saved_gb"] = cost.saved / GB
    return rows


def step_costs(learner: Learner, batch: EpisodeBatch) -> dict[str, Cost]:
    """What each top-level module, the losses and the optimiser cost in one step.

    `rest` is what belongs to no module. The optimiser's cost, gradient clipping included, counts
    as backward. The step is taken after a forward pass that counts the memory; one step should have
    been taken before.
    """
    meter = _Meter(learner)
    with meter.attached():
        with torch.autograd.graph.saved_tensors_hooks(meter.keep(batch), lambda kept: kept):
            learner.losses(batch)
        meter.clear_time()
        losses = learner.losses(batch)
        meter.enter(OPTIMISER)
    with meter.watching(losses.total):
        begun = time.perf_counter()
        learner.backward(losses)
        learner.descend()
        finish()
        # All but the time between the first node's beginning and the last one's end.
        within = meter.since - meter.first
        meter.costs[OPTIMISER].backward = time.perf_counter() - begun - within
    return meter.costs


class _Meter:
    """Counts what runs to the module it runs in."""

    def __init__(self, learner: Learner) -> None:
        self.model = learner.model
        names = [name for name, _ in self.model.named_children()]
        self.costs = {name: Cost() for name in (*names, REST, LOSSES, OPTIMISER)}
        self.owner = {  # of the nodes that add up a parameter's gradient
            parameter: name
            for name, module in self.model.named_children()
            for parameter in module.parameters()
        }
        self.clear_time()

    def clear_time(self) -> None:
        """Begin a forward pass."""
        for cost in self.costs.values():
            cost.forward = cost.backward = 0.0
        self.inside = [LOSSES]
        # Nodes of the graph are numbered as they are made: from which number on who made them.
        self.numbers, self.makers = [0], [LOSSES]
        finish()
        self.since = time.perf_counter()

    def enter(self, name: str) -> None:
        """From now on, `name` runs, within what ran."""
        self._count()
        self.inside.append(name)
        self._mark()

    def leave(self) -> None:
        """What ran before goes on."""
        self._count()
        self.inside.pop()
        self._mark()

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Hear of modules that begin and end. What follows the network is the losses."""
        parts = [(REST, self.model), *self.model.named_children()]
        with ExitStack() as stack:
            for name, module in parts:
                begin = module.register_forward_pre_hook(lambda *_, name=name: self.enter(name))
                end = module.register_forward_hook(lambda *_: self.leave())
                stack.callback(begin.remove)
                stack.callback(end.remove)
            yield

    def keep(self, batch: EpisodeBatch) -> Callable[[Tensor], Tensor]:
        """A hook that counts what is saved, once, but neither weights nor the inputs."""
        given = (*batch.query.maps, *batch.support.frames.maps, batch.support.masks)
        known = {_storage(tensor) for tensor in (*given, *self.model.parameters())}

        def count(tensor: Tensor) -> Tensor:
            place = _storage(tensor)
            if place not in known:
                known.add(place)
                self.costs[self.inside[-1]].saved += tensor.untyped_storage().nbytes()
            return tensor

        return count

    @contextmanager
    def watching(self, loss: Tensor) -> Iterator[None]:
        """Time every node of the graph that leads to `loss`."""
        self.first = math.inf
        with ExitStack() as stack:
            for node in _nodes(loss):
                stack.callback(node.register_prehook(lambda _: self._start()).remove)
                maker = self._maker(node)
                stop = node.register_hook(lambda *_, maker=maker: self._stop(maker))
                stack.callback(stop.remove)
            yield

    def _start(self) -> None:
        finish()
        self.since = time.perf_counter()
        self.first = min(self.first, self.since)

    def _stop(self, maker: str) -> None:
        finish()
        began, self.since = self.since, time.perf_counter()
        self.costs[maker].backward += self.since - began

    def _count(self) -> None:
        finish()
        now = time.perf_counter()
        self.costs[self.inside[-1]].forward += now - self.since
        self.since = now

    def _mark(self) -> None:
        self.numbers.append(torch.autograd._get_sequence_nr())  # type: ignore[attr-defined]
        self.makers.append(self.inside[-1])

    def _maker(self, node: Any) -> str:
        if hasattr(node, "variable"):
            return self.owner.get(node.variable, REST)
        return self.makers[bisect_right(self.numbers, node._sequence_nr()) - 1]


def _nodes(loss: Tensor) -> list[Any]:
    """All nodes of the graph of a tensor."""
    todo: list[Any] = [loss.grad_fn]
    found = dict.fromkeys(todo)
    while todo:
        for node, _ in todo.pop().next_functions:
            if node is not None and node not in found:
                found[node] = None
                todo.append(node)
    return list(found)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
