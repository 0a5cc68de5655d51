"""A study's evidence in one small file: packed where the runs are, checked by anybody without them.

`pack` makes the archive's bytes, `verify` recomputes everything in it.  Neither needs a backend or a network; `verify`
does not need a project either.
"""

from seedwise.bundle.pack import pack
from seedwise.bundle.verify import Verified, verify

__all__ = ["Verified", "pack", "verify"]
