"""The executor of a cluster, measured with a stub."""
