"""`python -m lmlab.data.tokenizer.encode_worker`: encodes texts from stdin to stdout until it ends.

First an Encoder's two arguments, then lists of texts, each answered by a list of arrays; pickled.
The parent is the only one that writes to these pipes.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys

from lmlab.data.tokenizer.encoder import Encoder


def main() -> None:
    """Serve until stdin is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    encoder = Encoder(*pickle.load(source))
    while True:
        try:
            texts = pickle.load(source)
        except EOFError:
            return
        pickle.dump(encoder(texts), sink, pickle.HIGHEST_PROTOCOL)
        sink.flush()


if __name__ == "__main__":
    main()
