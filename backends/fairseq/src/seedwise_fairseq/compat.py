"""Official fairseq 0.12.2 and hydra-core 1.0.7, their files unedited, on Python 3.11 and newer, and on current torch and numpy.

Import this before anything of fairseq's.  Each mend is for one thing that has been removed since fairseq's last release;
nothing of what fairseq computes is touched.  `ImportError` where the installed releases are others than those that it was
made for.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import pkgutil
import sys
import types
import typing
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import numpy
import torch

MADE_FOR = {"fairseq": "0.12.2", "hydra-core": "1.0.7"}
_TOLERATED = ("fairseq", "hydra", "omegaconf")


def require_versions() -> None:
    """`ImportError` that names both versions where another release is installed."""
    for name, version in MADE_FOR.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "none"
        if found != version:
            raise ImportError(
                f"{name} {found} is installed, and this backend is made for {name} {version}: install what its lock file pins"
            )


def tolerant(plain: Any) -> Any:
    """`dataclass` whose classes can be defaults of fields, as they could be before Python 3.11.

    Python 3.11 takes a default without a hash for a mutable one.  Dataclasses with `__eq__` have none unless told
    otherwise; those of fairseq and hydra keep object's hash, by identity, and everything else about them is as ever.
    """

    def dataclass(cls: Any = None, /, **options: Any) -> Any:
        def made(cls: Any) -> Any:
            cls = plain(cls, **options)
            if cls.__hash__ is None and cls.__module__.partition(".")[0] in _TOLERATED:
                cls.__hash__ = object.__hash__
            return cls

        return made if cls is None else made(cls)

    return dataclass


class _Numpy(types.ModuleType):
    """numpy, with the names that fairseq uses and numpy 1.24 and 2.0 removed."""

    compat = types.SimpleNamespace(long=int)
    int = int
    float = float

    def __getattr__(self, name: str) -> Any:
        return getattr(numpy, name)


class _Finder:
    """A finder with the method that hydra's search for plug-ins calls, which Python 3.12 removed."""

    def __init__(self, finder: Any) -> None:
        self._finder = finder

    def find_module(self, name: str) -> Any:
        return self._finder.find_spec(name).loader


def _walk_packages(*words: Any, **options: Any) -> Iterator[tuple[_Finder, str, bool]]:
    return ((_Finder(finder), name, package) for finder, name, package in pkgutil.walk_packages(*words, **options))


def slices(sizes: Any, break_mode: str, block_size: Any, document_sep_len: int) -> Any:
    """Where each block of tokens begins and ends, [blocks, 2]; of rows that are not joined (`eos`), each is a block."""
    if break_mode != "eos":
        raise NotImplementedError(f"sample_break_mode {break_mode}: fairseq's compiled parts are not installed")
    ends = sizes.cumsum()
    return numpy.stack([ends - sizes, ends], axis=1)


def batches(indices: Any, num_tokens: Any, max_tokens: int, max_sentences: int, multiple: int) -> Any:
    """Rows in their order, `max_sentences` a batch."""
    if max_tokens > 0 or max_sentences <= 0 or multiple != 1:
        raise NotImplementedError("batches other than by --batch-size: fairseq's compiled parts are not installed")
    return numpy.split(indices, range(max_sentences, len(indices), max_sentences)) if len(indices) else []


def _absent(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{name}: fairseq's compiled parts are not installed")

    return refuse


# What stands in for fairseq's compiled parts, which are left out of the build; each refuses what it does not do.
STAND_INS: dict[str, dict[str, Callable[..., Any]]] = {
    "fairseq.data.token_block_utils_fast": {
        "_get_slice_indices_fast": slices,
        "_get_block_to_dataset_index_fast": _absent("_get_block_to_dataset_index_fast"),
    },
    "fairseq.data.data_utils_fast": {
        "batch_by_size_vec": batches,
        "batch_by_size_fn": batches,
        "batch_fixed_shapes_fast": _absent("batch_fixed_shapes_fast"),
    },
}


def _import() -> None:
    require_versions()
    plain = dataclasses.dataclass
    dataclasses.dataclass = tolerant(plain)
    if sys.version_info >= (3, 13):  # antlr4 4.8 and hydra's grammar take TextIO from there
        sys.modules.setdefault("typing.io", typing)
    try:
        import hydra.core.plugins

        if sys.version_info >= (3, 12):
            hydra.core.plugins.pkgutil = types.SimpleNamespace(walk_packages=_walk_packages)
        import fairseq  # noqa: F401
        import fairseq_cli.train  # noqa: F401
    finally:
        dataclasses.dataclass = plain
    from fairseq.data import data_utils, language_pair_dataset, token_block_dataset
    from fairseq.modules import dynamic_crf_layer

    for module in (data_utils, language_pair_dataset, token_block_dataset, dynamic_crf_layer):
        module.np = _Numpy("numpy")
    for name, functions in STAND_INS.items():
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name]).update(functions)
    # torch 2.6 and newer reads tensors and plain containers only; fairseq keeps its options in a Namespace.
    torch.serialization.add_safe_globals([argparse.Namespace])


_import()
