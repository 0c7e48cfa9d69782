"""What a schedule does: look at the model in production, and train it anew."""
