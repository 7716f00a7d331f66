"""Recipes of the twins, compared on packages kept out of training."""
