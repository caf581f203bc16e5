"""The search: Optuna asks and tells, Ray Tune leases engine slots. The only room that knows either."""
