"""What is said of one predicted video."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictReport:
    """Where everything was written, and how sure the network is. `score` is in [0, 1].

    The object is marked in `marked` of `frames` frames. presence: of the frame that shows it most,
    in [0, 1]; it is in the video where that reaches `threshold`. `shortfall` is None, or says in
    one line how much of the video could not be read.
    """

    video: str
    expression: str
    frames: int
    marked: int
    score: float
    presence: float
    threshold: float
    present: bool
    masks: str
    overlay: str
    contact_sheet: str
    scores: str
    shortfall: str | None = None

    def table(self) -> str:
        """Lines for people, the answer first."""
        nothing = ""
        if not self.present:
            nothing = (
                f": not in this video; no frame shows it with a presence of {self.threshold:.2f} "
                f"or more (at most {self.presence:.2f})"
            )
        elif not self.marked:
            nothing = ": nothing that fits was found"
        places = (("masks", self.masks), ("overlay", self.overlay), ("sheet", self.contact_sheet))
        return "\n".join(
            [
                f"{self.video}: {self.expression!r}",
                f"marked in {self.marked} of {self.frames} frames{nothing}; score {self.score:.2f}",
                *(f"{name:<8}{place}" for name, place in (*places, ("scores", self.scores))),
            ]
        )
