"""Are the error rates and intervals that the notebooks print what they say? Monte Carlo, with the worlds known."""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # before numpy is imported: processes share the cores
    os.environ.setdefault(_name, "1")
