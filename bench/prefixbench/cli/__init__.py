"""The command line: one module a command group, no logic; errors become one sentence and an exit code."""
