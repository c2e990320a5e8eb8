"""What goes wrong on purpose: ordered beforehand, struck once or a few times, and noted."""
