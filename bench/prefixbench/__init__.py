"""prefixbench: does the task prefix matter for this model on this task, by how much, and how sure are we?"""

__version__ = "0.1.0"
