import sys

from seedwise_contract.backend import main
from seedwise_hf.backend import HfBackend

sys.exit(main(HfBackend()))
