"""The version of this release; results and bundles name it."""

__version__ = "0.1.0"
