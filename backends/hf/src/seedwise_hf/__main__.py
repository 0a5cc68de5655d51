import sys

from seedwise_contract.command import main
from seedwise_hf.backend import HfBackend

sys.exit(main(HfBackend()))
