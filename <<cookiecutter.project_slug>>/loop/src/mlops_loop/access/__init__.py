"""Who may ask the endpoint, and how much."""
