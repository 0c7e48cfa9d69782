"""The same predictions for clients of other servers; each module is a protocol with its routes.

Checks, limits, log and predictions are those of `/predict`. `answering.py` has what they share.
"""

from mlops_loop.serving.protocols import mlflow_scoring, open_inference, tf_serving

PROTOCOLS = (tf_serving, open_inference, mlflow_scoring)
