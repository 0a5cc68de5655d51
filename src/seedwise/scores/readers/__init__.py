"""One reader a kind of file; `registry.read_source` finds the one that knows a file's content."""
