"""What a report costs in seconds and bytes."""
