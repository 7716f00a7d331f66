"""One kind of figure a module: the frame it is drawn from, and the drawing."""
