"""The sweep itself: resume, failures as data, progress."""
