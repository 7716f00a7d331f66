"""Which strings each condition means for a model and a task, and where they come from."""
