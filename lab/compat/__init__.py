"""What clients can call on the virtual stream by its name: each call tried for real, and its outcome looked at."""
