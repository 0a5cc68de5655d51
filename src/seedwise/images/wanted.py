"""Which image is wanted: the one that the present sources of a backend make, on a base that is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from seedwise.errors import ImageError
from seedwise.images.bases import allowed
from seedwise.images.definition import BuildDefinition, DockerfileBackend, PackageBackend
from seedwise.images.dockerfile import own_base
from seedwise.images.lock import LockedImage, entries
from seedwise.images.sources import folder_digest, sources_of
from seedwise.project import Project


@dataclass(frozen=True, slots=True)
class Wanted:
    backend: str
    flavour: str
    sources: str
    bases: tuple[str, ...]

    def locked(self, project: Project) -> list[LockedImage]:
        """The images that a lock names as made of these sources, the local lock's first."""
        return [
            entry
            for entry in entries(project)
            if (entry.backend, entry.flavour, entry.sources) == (self.backend, self.flavour, self.sources)
            and entry.base.reference in self.bases
        ]


def wanted_of(project: Project, definition: BuildDefinition, backend: str, flavour: str) -> Wanted:
    declared = definition.backend(backend)
    if isinstance(declared, DockerfileBackend):
        return Wanted(backend, "cpu", folder_digest(declared.root(project)), (own_base(backend, declared),))
    if not isinstance(declared, PackageBackend):
        raise ImageError(f"backend '{backend}' is a command, not an image: run it with '--runtime venv'")
    sources = sources_of(project, definition, backend, flavour)
    bases = tuple(allowed(declared.base, definition.bases[declared.base]))
    return Wanted(backend, sources.flavour, sources.image_digest, bases)
