"""autolora finds the smallest LoRA adapter that does a job, proves it, and says what it costs."""

__version__ = "0.1.0"
