"""The dashboard: the same calls at the desk as REST makes, as pages. Plain HTML that works without any script."""
