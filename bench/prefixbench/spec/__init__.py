"""What to run: conditions, prefixes and the sweep file. Pure values; TOML in."""
