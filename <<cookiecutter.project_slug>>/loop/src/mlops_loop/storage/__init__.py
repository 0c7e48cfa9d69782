"""The store of DVC's objects, and how they get there and back."""
