"""One HTML file that answers the question."""
