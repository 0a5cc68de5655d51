"""Which engine: `local`, `ray[://ADDRESS]`, `slurm`, or one that an installed package adds.

A package adds one by an entry point of the group `seedwise.engines`: its name is what `--engine` takes (with `://ADDRESS` where it
has an address), and it loads a function of an `Opening` that gives a `Cluster`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import entry_points

from seedwise.errors import EngineError, InputError, SeedwiseError
from seedwise.execution.engines.cluster import Cluster, Opening
from seedwise.project import Project, engine_settings

GROUP = "seedwise.engines"
VARIABLE = "SEEDWISE_ENGINE"
LOCAL = "local"


def engine_name(given: str | None) -> str:
    """The engine that was asked for; else `SEEDWISE_ENGINE`; else local."""
    return given or os.environ.get(VARIABLE) or LOCAL


def open_cluster(asked: str, project: Project) -> Cluster:
    """`InputError` where no engine has this name, `EngineError` where it cannot be reached."""
    name, _, address = asked.partition("://")
    opening = Opening(project, address, engine_settings(project.root, name), name)
    make = _maker(name, asked)
    try:
        return make(opening)
    except SeedwiseError:
        raise
    except Exception as error:  # of somebody else's package: whatever it is, it is told
        raise EngineError(f"engine {name}: it cannot be opened: {type(error).__name__}: {error}") from error


def _maker(name: str, asked: str) -> Callable[[Opening], Cluster]:
    if name == "slurm":
        from seedwise.execution.engines.slurm import open_slurm

        return open_slurm
    if name == "ray":
        from seedwise.execution.engines.ray import open_ray

        return open_ray
    added = {point.name: point for point in entry_points(group=GROUP)}
    if name not in added:
        known = ", ".join([LOCAL, "ray", "ray://ADDRESS", "slurm", *sorted(added)])
        raise InputError(f"--engine {asked}: there is no such engine; there are {known}")
    try:
        made = added[name].load()
    except Exception as error:
        raise EngineError(f"engine {name}: its package cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(made):
        raise EngineError(f"engine {name}: its entry point {added[name].value} is no function")
    return made  # type: ignore[no-any-return]
