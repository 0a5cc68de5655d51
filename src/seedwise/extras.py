"""What the core does not bring: packages of the extras, and how a missing one is told."""

from __future__ import annotations

from importlib.util import find_spec

from seedwise.errors import SeedwiseError

EXTRAS = {
    "bench": ("docker", "requests", "mlflow", "matplotlib", "rich", "pytest"),
    "hub": ("huggingface_hub",),
    "ray": ("ray",),
    "s3": ("s3fs",),
}


class MissingExtra(SeedwiseError):
    """A package is not installed that only an extra brings; the message has the command that installs it."""


def missing(error: ImportError) -> MissingExtra | None:
    """What to tell the user where `error` is of a package that an extra brings; None for any other import error."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in EXTRAS.items():
        if package in packages and not _installed(package):
            return MissingExtra(
                f"{package} is not installed; it comes with the extra '{extra}': python -m pip install 'seedwise[{extra}]' "
                f"(or: uv tool install 'seedwise[{extra}]')"
            )
    return None


def _installed(package: str) -> bool:
    """A folder of that name in the working directory (docker/, mlflow/) is no installation of it."""
    found = find_spec(package)
    return found is not None and found.origin is not None
