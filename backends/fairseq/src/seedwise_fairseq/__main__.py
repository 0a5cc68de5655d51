import sys

from seedwise_contract.command import main
from seedwise_fairseq.backend import FairseqBackend

sys.exit(main(FairseqBackend()))
