"""The version of this release; results and bundles name it."""

__version__ = "0.2.0.dev0"
