"""What the CMA paper prints in its tables 1 to 4, and what is to be known about it.

Li et al., "Learning Cross-Modal Affinity for Referring Video Object Segmentation Targeting Limited
Samples", ICCV 2023.
"""

from __future__ import annotations

Rows = tuple[tuple[str, ...], ...]

FOLDS = (1, 2, 3, 4)
YOUTUBE, SAIL = "mini-ref-youtube-vos", "mini-ref-sail-vos"
NOTHING = "–"

FOLD_HEAD = ("J / F by fold", "1", "2", "3", "4", "mean")
FIGURE_HEAD = ("", "J", "F", "J&F")

TABLE_1: Rows = (
    ("DANet + VL", "47.0 / 49.3", "33.5 / 38.2", "38.5 / 41.4", "44.0 / 45.8", "40.8 / 43.7"),
    ("CMA", "59.5 / 60.8", "45.3 / 48.9", "50.4 / 51.3", "57.3 / 58.1", "53.1 / 54.8"),
)
TABLE_2: Rows = (
    ("DANet + VL", "54.3 / 54.1", "47.6 / 48.4", "30.9 / 35.2", "30.6 / 36.0", "40.9 / 43.4"),
    ("CMA", "80.9 / 77.1", "80.8 / 77.0", "80.1 / 77.3", "68.9 / 67.8", "77.7 / 74.8"),
)
TABLE_3: Rows = (
    ("LBDT, zero-shot", "27.5", "36.2", "31.6"),
    ("LBDT, fine-tuned", "42.4", "37.3", "39.6"),
    ("ReferFormer, zero-shot", "65.1", "62.8", "64.0"),
    ("ReferFormer, fine-tuned", "74.1", "64.9", "69.5"),
    ("MTTR, zero-shot", "66.5", "64.9", "65.7"),
    ("MTTR, fine-tuned", "69.7", "68.1", "68.9"),
    ("CMA (table 2)", "80.9", "77.1", "79.0"),
)

TABLE_4: Rows = (
    ("affinity none", NOTHING, NOTHING, "57.9"),
    ("affinity self", NOTHING, NOTHING, "59.2"),
    ("affinity cross (table 1)", "59.5", "60.8", "60.2"),
)

OWN_PROTOCOL = (
    "The paper's figures pool all frames at network resolution with boundary tolerance 0.010; "
    "ours compare with them only under --protocol paper."
)
TITLES = {
    1: "Table 1: Mini-Ref-YouTube-VOS",
    2: "Table 2: Mini-Ref-SAIL-VOS",
    3: "Table 3: other methods on Mini-Ref-SAIL-VOS, fold 1",
    4: "Table 4: kinds of affinity",
}

DRAWINGS = 5  # of the support, over which the paper takes its means
LBDT_MEANS = (
    "The paper prints 31.6 and 39.6 as J&F of LBDT; the means of its J and F are 31.85 "
    "and 39.85. By earlier revisions of the authors' repository, the zero-shot ReferFormer "
    "was trained on all of Ref-YouTube-VOS, with no class held out."
)
ONE_FIGURE = "The paper prints J&F alone here; J and F of the last row are those of table 1."
