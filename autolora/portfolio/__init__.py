"""Many tasks, one budget, one decision: what the tasks of a batch share, and what they come to together."""
