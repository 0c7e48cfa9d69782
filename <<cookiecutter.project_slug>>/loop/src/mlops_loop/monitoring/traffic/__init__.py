"""Where production's rows come from: its endpoint, files by day, its database, or a replay."""
