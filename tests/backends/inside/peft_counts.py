"""peft_counts.py CASES: prepares each case of a JSON list, {"config": …, "method": name, "parameters": …}, without weights.

Prints a JSON list of counts: what trains in the body, and in the head.
"""

import json
import sys
import warnings

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from seedwise_hf.methods import Built
from seedwise_peft.methods import METHODS

warnings.simplefilter("ignore")
answers = []
for case in json.loads(sys.argv[1]):
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(**case["config"], num_labels=2))
        prefix = model.base_model_prefix + "."
        head = frozenset(n for n, _ in model.named_parameters() if not n.startswith(prefix))
        built = METHODS[case["method"]].prepare(Built(model, head), case["parameters"])
    trained = {n: p.numel() for n, p in built.model.named_parameters() if p.requires_grad}
    answers.append(
        {
            "body": sum(count for name, count in trained.items() if name not in built.head),
            "head": sum(count for name, count in trained.items() if name in built.head),
        }
    )
print(json.dumps(answers))
