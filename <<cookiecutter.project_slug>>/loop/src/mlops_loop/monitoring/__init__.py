"""What runs on a schedule: monitoring the model in production, and retraining it."""
