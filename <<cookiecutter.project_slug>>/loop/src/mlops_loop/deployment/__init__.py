"""How a registered model gets into production: image, pointer, endpoint."""
