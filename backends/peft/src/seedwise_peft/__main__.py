import sys

from seedwise_contract.command import main
from seedwise_peft.backend import PeftBackend

sys.exit(main(PeftBackend()))
