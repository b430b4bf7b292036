"""Support folders, as people have them: annotated frames of another video, a module a format.

A format is a `SupportFormat` (annotation.py) in a module of its own, named in formats.py: it says
whether a folder is laid out so, and reads its frames with the objects marked on them. What is the
same for all lies beside them: the sentence (notes.py), which of the objects is meant (choosing.py),
pictures that EXIF turns (placing.py), and what a mask's pixels mean (mask_pixels.py).
"""

from stages.data.support.support_set import SupportSet, load_support, scan_support

__all__ = ["SupportSet", "load_support", "scan_support"]
