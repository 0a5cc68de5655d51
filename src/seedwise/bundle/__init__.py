"""A study's evidence in one small file: packed where the runs are, checked by anybody without them.

`pack` makes the archive's bytes, `verify` recomputes everything in it, and `opened` does so and gives its runs as a store. None needs a
backend or a network, and only `pack` needs a project.
"""

from seedwise.bundle.pack import pack
from seedwise.bundle.verify import Verified, opened, verify

__all__ = ["Verified", "opened", "pack", "verify"]
