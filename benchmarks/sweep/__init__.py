"""A sweep against a plain loop over mteb."""
