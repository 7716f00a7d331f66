"""prefixbench: does the task prefix matter for this model on this task, by how much, and how sure are we?

`load` reads a results folder, `plan` and `sweep` look at one to come and run it, `resolve` tells what a model is sent.
"""

import prefixbench.plan  # noqa: F401 - binds the package first: the function below then keeps the name for good
from prefixbench.api import load, plan, resolve, sweep

__all__ = ["__version__", "load", "plan", "resolve", "sweep"]
__version__ = "0.1.0"
