"""A sweep as ordered cells, with what each would cost."""
