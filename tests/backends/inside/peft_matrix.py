"""peft_matrix.py FOLDER CASES: every case of a JSON list, [family, method, parameters], in one process.

Builds a tiny model of the family, prepares the method, trains a few updates, saves, and reads back by peft alone.
Prints a JSON list of what was found; the tests judge it.
"""

import json
import sys
import warnings
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForSequenceClassification

from seedwise_hf.methods import Built
from seedwise_peft.families import parts_of
from seedwise_peft.frozen import frozen_digest, replaced
from seedwise_peft.methods import METHODS
from seedwise_peft.saving import save

warnings.simplefilter("ignore")
torch.set_num_threads(1)
SIZES = {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
FAMILIES = {
    "bert": SIZES,
    "roberta": SIZES,
    "camembert": SIZES,
    "xlm-roberta": SIZES,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "albert": {**SIZES, "embedding_size": 16},
    "electra": {**SIZES, "embedding_size": 16},
    "mpnet": SIZES,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 2},
    "llama": {**SIZES, "num_key_value_heads": 1},
    "llama-biased": {**SIZES, "attention_bias": True, "mlp_bias": True},
}
INPUTS = torch.randint(5, 99, (4, 7), generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 1, 0])


def fresh(family):
    torch.manual_seed(0)
    tokens = {"vocab_size": 100, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
    config = AutoConfig.for_model(family.split("-biased")[0], **FAMILIES[family], **tokens, num_labels=2)
    return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)


def logits(model):
    with torch.inference_mode():
        return model.eval()(input_ids=INPUTS).logits


def case(folder, family, name, parameters):
    model = fresh(family)
    prefix = model.base_model_prefix + "."
    head = frozenset(n for n, _ in model.named_parameters() if not n.startswith(prefix))
    drawn = {n: p.detach().clone() for n, p in model.named_parameters() if n in head}
    before = logits(model)
    method = METHODS[name]
    faults = method.faults(parameters) or method.model_faults(parameters, model.config.to_dict())
    if faults:
        return {"faults": [str(fault) for fault in faults]}
    torch.manual_seed(1)
    built = method.prepare(Built(model, head), parameters)
    model = built.model
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    found = {
        "trainable": {n: p.numel() for n, p in trained.items() if n not in built.head},
        "head": sum(p.numel() for n, p in trained.items() if n in built.head),
        "head_kept": all(
            any(torch.equal(p, value) for n, p in model.named_parameters() if n in built.head)
            for value in drawn.values()
        ),
        "total": sum(p.numel() for n, p in model.named_parameters() if n not in replaced(model)),
        "outputs_kept": torch.equal(logits(model), before),
        "digest": frozen_digest(model),
    }
    optimizer = torch.optim.AdamW(trained.values(), lr=0.05)
    start = {n: p.detach().clone() for n, p in trained.items()}
    ungraded = set()
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(input_ids=INPUTS).logits, LABELS).backward()
        ungraded |= {n for n, p in model.named_parameters() if (p.grad is None) is p.requires_grad}
        optimizer.step()
    found["ungraded"] = sorted(ungraded)
    found["unmoved"] = [n for n, p in trained.items() if torch.equal(p, start[n])]
    found["digest_after"] = frozen_digest(model)
    after = logits(model)
    found["moved"] = not torch.equal(after, before)
    save(model, folder, "tiny", False)
    if isinstance(model, PeftModel):
        found["files"] = sorted(path.name for path in folder.iterdir())
        found["saved"] = (folder / "adapter_model.safetensors").stat().st_size
        torch.manual_seed(99)
        again = PeftModel.from_pretrained(_other_head(fresh(family), head), folder)
        with torch.inference_mode(), again.eval().disable_adapter():
            found["disabled"] = torch.equal(again.get_base_model()(input_ids=INPUTS).logits, _headless(family, head))
    else:
        again = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    found["same"] = torch.equal(logits(again), after)
    if name == "bitfit":
        again.merge_adapter()
        merged = torch.equal(logits(again), after)
        again.unmerge_adapter()
        found["merged"] = merged and torch.equal(logits(again), after)
        found["unloaded"] = torch.equal(logits(again.merge_and_unload()), after)
    return found


def _other_head(model, head):
    """A base whose head is not the trained one: it must come with the checkpoint."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in head:
                parameter.fill_(0.5)
    return model


def _headless(family, head):
    return logits(_other_head(fresh(family), head))


answers = []
for number, (family, name, parameters) in enumerate(json.loads(sys.argv[2])):
    if name == "parts":
        config = fresh(family).config.to_dict()
        real = {n: p.numel() for n, p in fresh(family).base_model.named_parameters()}
        prefix = fresh(family).base_model_prefix + "."
        answers.append({"real": {prefix + n: count for n, count in real.items()}, "parts": parts_of(config)})
        continue
    try:
        answers.append(case(Path(sys.argv[1]) / str(number), family, name, parameters))
    except Exception as error:  # noqa: BLE001 - every case gets its answer
        answers.append({"error": f"{family} {name} {parameters}: {type(error).__name__}: {error}"})
print(json.dumps(answers))
