"""The page ``docs/answer.md``: what the prefix does to models that people use, made from committed runs."""
