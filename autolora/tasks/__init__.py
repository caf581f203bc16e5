"""What a task owns: its encoding, its head, its loss and its scores. It knows no adapters and no search."""
