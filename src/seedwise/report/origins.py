"""Where the numbers of a study come from: data, backends, runs, the study's own file."""

from __future__ import annotations

from seedwise_contract.base import ContractModel


class Data(ContractModel):
    """The data set, its splits, and what a reader should know of overlaps."""

    name: str
    title: str
    citation: str
    licence: str
    labels: tuple[str, ...]
    rows: dict[str, int]
    sha256: dict[str, str]
    facts: dict[str, int]


class BackendFacts(ContractModel):
    """What the runs of one backend ran on; more than one value where runs differ."""

    backend: str
    runs: int
    digests: tuple[str, ...]
    runtimes: tuple[str, ...]
    pythons: tuple[str, ...]
    packages: dict[str, tuple[str, ...]]
    devices: tuple[str, ...]
    drivers: tuple[str, ...]
    cpus: tuple[str, ...]
    platforms: tuple[str, ...]
    threads: tuple[int, ...]
    determinism: tuple[str, ...]


class RunFacts(ContractModel):
    arm: str
    seed: int
    run_id: str
    status: str
    score: float | None
    updates: int
    seconds: float
    host: str
    git: str | None
    started: str
    declaration: str


class Provenance(ContractModel):
    """Where every number comes from."""

    declaration: str
    models: dict[str, str]
    backends: tuple[BackendFacts, ...]
    runs: tuple[RunFacts, ...]


class Source(ContractModel):
    """The study's file as its author wrote it, and the command that repeats its runs."""

    file: str
    text: str
    command: str
