"""From a trained bundle to production: the gate decides, the registry remembers."""
