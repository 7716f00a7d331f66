"""Scoring with vectors in memory, mteb's way and ours."""
