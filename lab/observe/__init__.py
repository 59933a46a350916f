"""Looking at a lab: its status, what works, whether the regions agree. Nothing here changes a lab."""
