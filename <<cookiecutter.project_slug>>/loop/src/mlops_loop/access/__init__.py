"""Who may ask, and what a request may cost.

Access, page and serving are the rooms at the edge: they speak HTTP and may raise HTTPException. The
rooms below them (inference, prediction_log) raise errors of their own.
"""
