"""The report's sections, one a module, each from the evidence alone."""
