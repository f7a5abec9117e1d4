"""One Claude call per text, and the contract its answer keeps."""
