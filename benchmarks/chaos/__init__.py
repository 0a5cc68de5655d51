"""Kills and bad inputs against the real commands, with a backend in plain Python: `nox -s chaos`."""
