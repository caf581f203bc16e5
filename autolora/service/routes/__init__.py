"""The REST routes, a file for each kind of thing: from HTTP to one call at the desk, and back."""
