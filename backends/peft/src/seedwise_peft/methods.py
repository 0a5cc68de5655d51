"""Every method of this backend, by name."""

from __future__ import annotations

from seedwise_peft.bias import BitFit
from seedwise_peft.lora import Lora
from seedwise_peft.method import PeftMethod
from seedwise_peft.simple import Full, Head
from seedwise_peft.tuners import TUNERS, Named

METHODS: dict[str, PeftMethod] = {
    "full": Full(),
    "head": Head(),
    "lora": Lora(),
    "dora": Lora({"use_dora": True}),
    "bitfit": BitFit(),
    **{name: Named(name) for name in TUNERS},
}
