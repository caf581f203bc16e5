"""The engine: one frozen base on one device, many adapters trained on it at once. It knows no search."""
