"""Errors that a user can act on.  The command line prints them without a traceback and exits with `exit_code`."""

from __future__ import annotations


class SeedwiseError(Exception):
    """Something outside is wrong; the message names what was found and what to do."""

    exit_code = 2


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
