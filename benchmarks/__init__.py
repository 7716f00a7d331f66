"""Speed, memory and validity, with the scripts that measured them."""
