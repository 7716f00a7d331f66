"""Embedded tasks and models, made on the user's machine."""
