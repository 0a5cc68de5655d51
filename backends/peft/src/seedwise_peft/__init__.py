"""The `peft` backend: parameter-efficient fine-tuning with Hugging Face peft, by the hf backend's training loop."""

__version__ = "0.1.0"
