"""The folder of a site: made whole beside its place, then put there; what is not a site is never replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seedwise.errors import InputError
from seedwise.temporary import STAGING, staging_beside

MARKER = "site.json"


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A new folder that takes the place of `out` when the block ends well; where it fails, `out` is as before.

    `InputError` where `out` is a file, or a folder with other things in it than a site that was published before.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out}: not a folder; name one that is new, empty, or was published before")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise InputError(
            f"{out}: holds something else than a published site ({MARKER} is not in it); name another folder"
        )
    former = out.with_name(f".{out.name}.former")
    if former.exists() and not (former / MARKER).is_file():
        raise InputError(f"{former}: is in the way, and is no site; move it")
    if former.exists() and not out.exists():  # an earlier call was killed between the two renames
        os.replace(former, out)
    try:
        with staging_beside(out) as made:
            made.chmod(0o755)  # a web server reads it, whoever it runs as
            yield made
            shutil.rmtree(former, ignore_errors=True)
            if out.exists():
                os.replace(out, former)
            os.replace(made, out)
            shutil.rmtree(former, ignore_errors=True)
    finally:
        with suppress(OSError):  # others are at work in it
            (out.parent / STAGING).rmdir()
