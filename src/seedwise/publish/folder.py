"""The folder of a site: made whole beside its place, then put there; what is not a site is never replaced."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedwise.errors import InputError

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
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        made.chmod(0o755)  # a web server reads it, whoever it runs as
        yield made
        former = made.with_name(f"{made.name}.former")
        if out.exists():
            os.replace(out, former)
        os.replace(made, out)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(made, ignore_errors=True)
