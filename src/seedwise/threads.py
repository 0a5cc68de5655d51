"""Imported before numpy by whatever is a program of its own: the harness computes on one core, and leaves the others to the runs.

numpy's linear algebra would start a thread a core, which wait for one another by spinning: beside runs that keep every core
busy, the statistics of a claim then take three times as long, and the runs lose what is spun away.  A user's own setting stays.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
