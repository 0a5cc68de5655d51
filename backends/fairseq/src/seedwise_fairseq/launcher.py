"""`python -m seedwise_fairseq.launcher WORDS`: fairseq's own `fairseq-train`, where only the compatibility module lets it start."""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

from fairseq_cli.train import cli_main

if __name__ == "__main__":
    cli_main()
