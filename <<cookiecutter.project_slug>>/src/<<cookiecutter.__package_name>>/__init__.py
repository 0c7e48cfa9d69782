"""What this project adds to the loop: schema, features, estimators, extensions."""
