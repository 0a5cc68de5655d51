"""Errors that a user can act on.  The command line prints them without a traceback and exits with `exit_code`."""

from __future__ import annotations

from pathlib import Path


class SeedwiseError(Exception):
    """Something outside is wrong; the message names what was found and what to do."""

    exit_code = 2


class Unavailable(SeedwiseError):
    """This machine has not what is needed, and cannot get it; no file is wrong, and another machine may have it.

    A study that nobody named is skipped for it.  Raised together with the kind of what is missing, which has the exit code.
    """


class NotWritten(SeedwiseError):
    """A step of the records could not be done; what it left undone is said, and the next call does it."""

    exit_code = 5


class InputError(SeedwiseError):
    """A file that the user wrote is faulty."""


class AssetError(SeedwiseError):
    """A data set or model cannot be had, or is not what its manifest says."""

    exit_code = 3


class ImageError(SeedwiseError):
    """A backend's image or environment cannot be had, or is not the locked one."""

    exit_code = 4


class EngineError(SeedwiseError):
    """Runs cannot be executed here: no container engine, no such device, no space."""

    exit_code = 5


class NoAsset(Unavailable, AssetError):
    """No source of a data set or model can be reached here, or it has yet to be made."""


class NoImage(Unavailable, ImageError):
    """What an image or environment is built from cannot be had here: an interpreter, a base image, a package index."""


class NoDevice(Unavailable, EngineError):
    """No such device here."""


# What a step that only reads and writes files may end with: an input, a disk, a file that is not what it should be.
FAILURES = (SeedwiseError, OSError, ValueError, RecursionError, MemoryError)


def failure(error: Exception, undone: str, where: Path) -> SeedwiseError:
    """`error` as one of ours, which says what was left undone and where."""
    if isinstance(error, SeedwiseError):
        return error
    if isinstance(error, OSError):
        name = f" ({error.filename})" if error.filename and str(error.filename) != str(where) else ""
        cause = f"{error.strerror or error}{name}"
    else:
        cause = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')[:300]}"
    return NotWritten(
        f"{where}: {undone}: {cause}. The runs are safe in the store; repeat the command when this is mended."
    )
