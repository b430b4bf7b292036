"""Settings of every test: nothing from the caller's environment, and no deadline."""

from __future__ import annotations

import os

from hypothesis import settings

# Variables that move data, cache and runs must not reach the tests (`make test` exports some).
for name in [name for name in os.environ if name.startswith("FSRVOS_")]:
    if name != "FSRVOS_GOLDEN":
        del os.environ[name]

# One thread a process: pytest runs several, and results do not depend on how sums are split.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
