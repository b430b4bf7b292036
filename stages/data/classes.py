"""The 48 classes of Mini-Ref-YouTube-VOS in the authors' order; their ids are 1..48."""

# fmt: off
OFFICIAL_CLASSES: tuple[str, ...] = (
    "hat", "plant", "hand", "horse", "raccoon", "squirrel", "bus", "boat", "crocodile", "penguin",
    "motorbike", "truck", "hedgehog", "lion", "earless_seal", "whale", "elephant", "mouse", "snail",
    "camel", "shark", "giraffe", "tiger", "frog", "cat", "dolphin", "cow", "dog", "bear", "zebra",
    "airplane", "leopard", "fox", "turtle", "deer", "train", "sedan", "sheep", "fish", "bird",
    "rabbit", "duck", "snake", "monkey", "parrot", "lizard", "giant_panda", "person",
)
