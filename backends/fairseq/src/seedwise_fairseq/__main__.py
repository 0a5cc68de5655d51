import sys

from seedwise_contract.backend import main
from seedwise_fairseq.backend import FairseqBackend

sys.exit(main(FairseqBackend()))
