"""What each method is said to train, by names and sizes; and the check of a model against it.

The names come from `families`, by arithmetic on the model's configuration.  What peft marks as trainable comes from
walking its modules.  That both agree is what a run depends on: `requires_grad` is asserted, never trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import nn

from seedwise_contract import BackendError
from seedwise_hf.methods import Built
from seedwise_peft.families import Part

WRAPPED = "base_model.model."
_SHOWN = 5


class Definition(NamedTuple):
    """Parameters that train, name → count, head left out; and whether the head trains as a whole."""

    body: Mapping[str, int]
    head: bool = True


def assert_trainable(built: Built, definition: Definition, method: str) -> Built:
    """`built`, or `BackendError` where other parameters train than `definition` names, or of other sizes."""
    found = {name: p.numel() for name, p in built.model.named_parameters() if p.requires_grad}
    body = {name: count for name, count in found.items() if name not in built.head}
    faults = _differences(body, definition.body)
    trained_head, head = built.head & set(found), built.head if definition.head else frozenset()
    if trained_head != head:
        faults.append(f"of the head {_some(trained_head)} train, and {_some(head)} should")
    if faults:
        raise BackendError(f"method '{method}' does not train what it is defined to: " + "; ".join(faults))
    return built


def assert_within(built: Built, targets: Sequence[Part], method: str) -> Built:
    """For tuners whose sizes are their own: something trains in each target, and nothing anywhere else but in the head.

    What a tuner shares among its layers lies beside the model (`base_model.` without `model.`) and may train, too.
    """
    trained = [name for name, p in built.model.named_parameters() if p.requires_grad]
    places = [f"{WRAPPED}{part.name}." for part in targets]
    body = [name for name in trained if name not in built.head]
    stray = [
        name
        for name in body
        if name.startswith(WRAPPED)
        and not any(name.startswith(place) and not name.startswith(f"{place}base_layer.") for place in places)
    ]
    idle = [place for place in places if not any(name.startswith(place) for name in body)]
    faults = [f"trains outside its targets: {_some(stray)}"] if stray else []
    faults += [f"trains nothing in {_some(idle)}"] if idle and not any(not n.startswith(WRAPPED) for n in body) else []
    faults += ["does not train the whole head"] if not built.head <= set(trained) else []
    if faults:
        raise BackendError(f"method '{method}' " + "; ".join(faults))
    return built


def whole(
    parts: Iterable[Part], prefix: str = "", kinds: Sequence[str] = ("linear", "norm", "embedding")
) -> dict[str, int]:
    """Every parameter of `parts` by its name in the model."""
    named: dict[str, int] = {}
    for part in parts:
        if part.kind in kinds:
            named[f"{prefix}{part.name}.weight"] = part.count - (part.outputs if part.bias else 0)
            if part.bias:
                named[f"{prefix}{part.name}.bias"] = part.outputs
    return named


def biases(parts: Iterable[Part], name: Callable[[Part], str]) -> dict[str, int]:
    return {name(part): part.outputs for part in parts if part.bias}


def head_modules(model: nn.Module, head: frozenset[str]) -> list[str]:
    """The largest modules of which every parameter is the head's."""
    whole_modules = [
        name
        for name, module in model.named_modules()
        if name
        and any(True for _ in module.parameters())
        and all(f"{name}.{inner}" in head for inner, _ in module.named_parameters())
    ]
    return [name for name in whole_modules if not any(name.startswith(f"{outer}.") for outer in whole_modules)]


def outside(parts: Iterable[Part], modules: Iterable[str]) -> list[Part]:
    """`parts` without those that lie in `modules`."""
    modules = tuple(modules)
    return [part for part in parts if not any(part.name == m or part.name.startswith(f"{m}.") for m in modules)]


def saved_whole(parts: Iterable[Part], endings: Iterable[str] | None) -> dict[str, int]:
    """Parameters of the modules that `modules_to_save` names by their endings, as peft names the copies that train."""
    named: dict[str, int] = {}
    for part in parts:
        words = part.name.split(".")
        paths = [".".join(words[: count + 1]) for count in range(len(words))]
        kept = next((path for path in paths if any(path.endswith(end) for end in endings or ())), None)
        if kept is not None:
            for name, count in whole([part]).items():
                named[f"{WRAPPED}{kept}.modules_to_save.default{name[len(kept) :]}"] = count
    return named


def _differences(found: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    faults = []
    if more := set(found) - set(expected):
        faults.append(f"{_some(more)} train and should not")
    if fewer := set(expected) - set(found):
        faults.append(f"{_some(fewer)} should train and do not")
    if sizes := {name for name in set(found) & set(expected) if found[name] != expected[name]}:
        faults.append(f"{_some(sizes)} have other sizes than defined")
    return faults


def _some(names: Iterable[Any]) -> str:
    listed = sorted(map(str, names))
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"{len(listed)} ({', '.join(listed[:_SHOWN])}{more})" if listed else "none"
