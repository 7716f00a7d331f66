"""Entry point of ``prefixbench`` and ``python -m prefixbench``."""

from prefixbench.cli.app import main

if __name__ == "__main__":
    main()
