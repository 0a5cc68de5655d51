"""products.py [INSTRUCTIONS]: digests of what a transformer computes, in sizes of a small encoder."""

import hashlib
import json
import sys

from seedwise_contract.processor import hold

hold(sys.argv[1] if len(sys.argv) > 1 else None)

import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

torch.set_num_threads(1)
torch.manual_seed(0)
x, weight, bias = torch.randn(512, 384), torch.randn(1536, 384), torch.randn(1536)
heads = x.view(8, 64, 12, 32).transpose(1, 2)
found = {
    "linear": functional.linear(x, weight, bias),
    "bmm": torch.bmm(x.view(8, 64, 384), x.view(8, 64, 384).transpose(1, 2)),
    "attention": functional.scaled_dot_product_attention(heads, heads, heads),
    "softmax": x.softmax(-1),
    "gelu": functional.gelu(x),
    "layer_norm": functional.layer_norm(x, (384,)),
    "exp": x.exp(),
    "tanh": x.tanh(),
    "sum": x.sum(0),
}
print(
    json.dumps(
        {name: hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest() for name, value in found.items()}
    )
)
