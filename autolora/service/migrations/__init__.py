"""Steps by which the service's tables came to be what they are, in order."""
