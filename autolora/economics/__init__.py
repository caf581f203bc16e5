"""What a piece of work costs with an adapter and without, as ranges. Knows numbers and records; loads no model."""
