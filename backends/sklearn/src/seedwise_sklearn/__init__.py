"""The `sklearn` backend: TF-IDF with logistic regression, the cheap reference beside fine-tuning."""

__version__ = "0.1.0"
