"""What the client adds to a server's time."""
