"""compat_cases.py: what the compatibility module stands in for, beside plain loops; prints one JSON object."""

import dataclasses
import json
import random
from importlib import metadata

import numpy

from seedwise_fairseq import compat

draw = random.Random(3)
found = {"slices": True, "batches": True}
for _ in range(500):
    sizes = numpy.array([draw.randrange(1, 40) for _ in range(draw.randrange(1, 30))])
    at, expected = 0, []
    for size in sizes.tolist():
        expected.append([at, at + size])
        at += size
    found["slices"] &= compat.slices(sizes, "eos", None, 0).tolist() == expected
    rows, most = numpy.array(draw.sample(range(100), draw.randrange(1, 50))), draw.randrange(1, 9)
    plain = [rows[start : start + most].tolist() for start in range(0, len(rows), most)]
    found["batches"] &= [batch.tolist() for batch in compat.batches(rows, None, 0, most, 1)] == plain


def refused(function, *words):
    try:
        function(*words)
    except NotImplementedError as error:
        return str(error)
    return ""


found["refused"] = [
    refused(compat.slices, numpy.array([1]), "none", 5, 1),
    refused(compat.batches, numpy.array([1]), None, 100, 8, 1),
    refused(compat.STAND_INS["fairseq.data.data_utils_fast"]["batch_fixed_shapes_fast"]),
]
found["restored"] = dataclasses.dataclass.__module__ == "dataclasses"
version = metadata.version
metadata.version = lambda name: "0.13.0" if name == "fairseq" else version(name)
try:
    compat.require_versions()
except ImportError as error:
    found["main"] = str(error)
print(json.dumps(found))
