"""The colours of palette masks, so that ids are told apart by eye in any image viewer."""


def davis_palette() -> list[int]:
    """The 256 x 3 palette of the DAVIS and YouTube-VOS annotations.

    Ids up to 21 spread their bits over the channels (at most 191), the rest are greys.
    """
    palette = []
    for index in range(256):
        colour = [index] * 3
        if index < 22:
            high, low = index & 7, index >> 3  # one bit a channel: 128, then 64
            colour = [min(191, (high >> c & 1) * 128 + (low >> c & 1) * 64) for c in range(3)]
        palette.extend(colour)
    return palette
