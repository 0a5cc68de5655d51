"""fairseq checkpoints, read without running what is in them.

A checkpoint is a pickle, and a pickle can run any code.  This reads tensors, containers, numbers and the plain namespaces
that fairseq keeps its options in; anything else is refused by name.
"""

from __future__ import annotations

import argparse
import collections
import pickle
import re
import struct
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from seedwise_contract import DataError
from seedwise_fairseq.architecture import Architecture, from_sizes
from seedwise_fairseq.convert import ENCODER

LANGUAGE_HEAD = "encoder.lm_head"
TRUST = "SEEDWISE_TRUST_PICKLES"
_ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("argparse", "Namespace"): argparse.Namespace,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch", "Size"): torch.Size,
}
_ZIP = b"PK\x03\x04"
_FAST_PATH = re.compile(r"\.layers\.\d+\.(in_proj|out_proj|fc1|fc2)_(weight|bias)$")


# What torch and pickle raise for a file that is cut, changed or none of theirs.
_UNREADABLE = (
    OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, AssertionError,
    ImportError, MemoryError, struct.error, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module == "torch" and re.fullmatch(r"[A-Za-z0-9]+Storage", name):
            return getattr(torch, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights do not need")


# In place of the module pickle, of which torch takes these.
_SAFE = SimpleNamespace(
    __name__="pickle", Unpickler=_Unpickler, load=lambda handle, **options: _Unpickler(handle, **options).load()
)


def _refuse_programs(path: Path) -> None:
    """`DataError` for the two kinds of file that torch would read by ways of their own, past the unpickler above.

    A TorchScript archive holds a program, which runs while it is loaded; a tar is of torch before 0.4, and names the files
    that it is unpacked to.
    """
    try:
        with path.open("rb") as handle:
            archive = handle.read(len(_ZIP)) == _ZIP  # by this torch tells, too
        if archive:
            # By torch's own reader: another one may find other names in a file that was made for that.
            names = torch._C.PyTorchFileReader(str(path)).get_all_records()
            if any(name == "constants.pkl" or name.startswith("code/") for name in names):
                raise DataError(
                    f"{path}: not read: a TorchScript archive is a program; a checkpoint of fairseq's is needed"
                )
        elif tarfile.is_tarfile(path):
            raise DataError(f"{path}: not read: a tar, as torch before 0.4 wrote; save it again with fairseq 0.12.2")
    except _UNREADABLE as error:
        raise DataError(f"{path}: the checkpoint cannot be read: {type(error).__name__}: {error}") from None


class Checkpoint:
    """Weights and sizes of a RoBERTa checkpoint of fairseq's."""

    def __init__(self, path: Path, trust: bool) -> None:
        """`trust` reads it with pickle itself: only for files whose maker is trusted with this account."""
        _refuse_programs(path)
        try:
            state = torch.load(str(path), map_location="cpu", pickle_module=pickle if trust else _SAFE)
        except pickle.UnpicklingError as error:
            raise DataError(
                f"{path}: not read: {error}. Save it with weights alone; or, if you trust whoever made it with your account, call the "
                f"backend by hand with {TRUST}=1 (python -m seedwise_fairseq convert …): no runtime passes that on"
            ) from None
        except UnicodeDecodeError:
            raise DataError(f"{path}: not read: a pickle of Python 2's; save it again with fairseq 0.12.2") from None
        except _UNREADABLE as error:
            raise DataError(f"{path}: the checkpoint cannot be read: {type(error).__name__}: {error}") from None
        if not isinstance(state, dict) or not isinstance(state.get("model"), dict):
            raise DataError(f"{path}: no 'model' in it; a checkpoint of fairseq's is needed")
        self.path = path
        self.weights: dict[str, torch.Tensor] = {
            re.sub(r"^decoder\.", "encoder.", name).replace(".emb_layer_norm.", ".layernorm_embedding."): value
            for name, value in state["model"].items()
            if isinstance(value, torch.Tensor) and not _FAST_PATH.search(name)
        }
        self.options = _options(state)

    @property
    def architecture(self) -> Architecture:
        """Sizes by the shapes of the weights; heads and activation, which no shape tells, by the options."""
        try:
            tokens = self.weights[f"{ENCODER}.embed_tokens.weight"]
            positions = self.weights[f"{ENCODER}.embed_positions.weight"]
            first = self.weights[f"{ENCODER}.layers.0.fc1.weight"]
        except KeyError as error:
            raise DataError(f"{self.path}: no {error.args[0]}; a RoBERTa encoder of fairseq's is needed") from None
        numbers = {int(found[1]) for name in self.weights if (found := re.search(r"\.layers\.(\d+)\.", name))}
        sizes = {
            **self.options,
            "encoder_layers": max(numbers) + 1,
            "encoder_embed_dim": tokens.shape[1],
            "encoder_ffn_embed_dim": first.shape[0],
            "max_positions": positions.shape[0] - 2,
        }
        return from_sizes(sizes, str(self.path))

    def language_head(self) -> dict[str, torch.Tensor]:
        """The head for masked tokens; `DataError` where there is none."""
        found = {name: value for name, value in self.weights.items() if name.startswith(LANGUAGE_HEAD + ".")}
        if not found:
            raise DataError(f"{self.path}: no head for masked tokens in it; start with initialisation 'random' instead")
        return found

    def encoder_weights(self) -> dict[str, torch.Tensor]:
        return {name: value for name, value in self.weights.items() if name.startswith(ENCODER + ".")}


def _options(state: dict[str, Any]) -> dict[str, Any]:
    """The model's options, as old checkpoints (`args`) and new ones (`cfg`) keep them."""
    found = state.get("args")
    if found is None:
        found = (state.get("cfg") or {}).get("model")
    if isinstance(found, argparse.Namespace):
        return dict(vars(found))
    return dict(found) if isinstance(found, dict) else {}
