"""probe.py MODELS SPECS: builds the model of each spec of a JSON list; prints, as JSON, what torch holds then."""

import json
import sys
from pathlib import Path

from torch import nn

from seedwise_contract import load_spec
from seedwise_hf.model import build

answers = []
for path in json.loads(sys.argv[2]):
    spec = load_spec(Path(path))
    built = build(spec, Path(sys.argv[1]) / spec.model.path)
    modules = dict(built.model.named_modules())
    dropouts = {name: module.p for name, module in modules.items() if isinstance(module, nn.Dropout)}
    config = built.model.config.to_dict()
    attention = [config[key] for key in ("attention_probs_dropout_prob", "attention_dropout") if key in config]
    head = {name: float(p.float().abs().sum()) for name, p in built.model.named_parameters() if name in built.head}
    answers.append({"dropouts": dropouts, "attention": attention, "head": head})
print(json.dumps(answers))
