"""support.toml: the sentence, and which of the marked objects it means.

::

    expression = "a brown dog"    # may be given on the command line instead
    object_id = 1                 # pixel value, track or group; where there are several objects
    colour = "#ff0000"            # the same, of masks drawn in colours
    category = "dog"              # optional; chooses among labelled outlines
"""

from __future__ import annotations

from configs.errors import FsrvosError, MissingError
from stages.data.files import read_toml
from stages.data.schema import SupportNotes, check_shape
from stages.data.support.annotation import Contents

NOTES = "support.toml"
EXAMPLE = 'expression = "a brown dog" and object_id = 1'


def read_notes(contents: Contents, expression: str | None) -> SupportNotes | None:
    """What the folder's support.toml says, or None with its faults noted.

    `expression` counts instead of the file's own; with it there need be no file.
    """
    path = contents.folder / NOTES
    try:
        if path.is_file():
            values = read_toml(contents.require_inside(path), EXAMPLE)
        elif expression is None:
            hint = f"write one with {EXAMPLE}, or give the sentence with --support-expression"
            raise MissingError(f"{path}: no such file; {hint}")
        else:
            values = {}
    except FsrvosError as fault:
        contents.faults.append(fault)
        return None
    where = str(path)
    if expression is not None:
        values, where = {**values, "expression": expression}, f"{path} or --support-expression"
    return check_shape(SupportNotes, values, where, contents.faults)
