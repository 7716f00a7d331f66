"""Memory of a sweep over own data."""
