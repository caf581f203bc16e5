"""Searches for a team: jobs that survive restarts, over REST and in a browser. Decides nothing of a search."""
