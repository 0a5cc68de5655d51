"""same_tensors.py ONE OTHER: names of tensors of two model.pt that differ in any bit, or that one of them lacks; as JSON."""

import json
import sys

import seedwise_fairseq.compat  # noqa: F401

# isort: split
import torch

one, other = (torch.load(path, map_location="cpu")["model"] for path in sys.argv[1:])
differ = sorted(set(one) ^ set(other))
for name in set(one) & set(other):
    if one[name].shape != other[name].shape or one[name].numpy().tobytes() != other[name].numpy().tobytes():
        differ.append(name)
print(
    json.dumps(
        [name for name in differ if "_weight" not in name and "_bias" not in name and not name.endswith(".version")]
    )
)
