"""Where the objects of DVC live, and how they travel."""
