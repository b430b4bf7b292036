"""What each figure of the benchmark should be. A figure without a target is only shown."""

from __future__ import annotations

from dataclasses import dataclass

from configs import FeaturesConfig


@dataclass(frozen=True)
class Target:
    """A bound: at most `limit`, or at least."""

    limit: float
    at_most: bool

    def met(self, figure: float) -> bool:
        """Whether a figure keeps to it."""
        return figure <= self.limit if self.at_most else figure >= self.limit

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g}"


def at_most(limit: float) -> Target:
    """Lower is better."""
    return Target(limit, at_most=True)


def at_least(limit: float) -> Target:
    """Higher is better."""
    return Target(limit, at_most=False)


TARGETS = {
    "encoder_speedup": at_least(1.8),
    "fill_share": at_least(0.9),
    "fill_share.resnet50": at_least(0.9),
    f"bytes_per_frame.{FeaturesConfig().stored}": at_most(5.5e6),
    "read_ms_warm": at_most(50),
    "forward_mm.192x320": at_most(20),
    "forward_mm.384x640": at_most(100),
    "step_mm.192x320": at_most(60),
    "step_mm.384x640": at_most(350),
    "step_gb.192x320": at_most(2.5),
    "step_gb.384x640": at_most(8),
    "wait_share": at_most(0.05),
}
