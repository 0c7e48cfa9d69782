"""The stages of dvc.yaml as a pipeline of Kubeflow."""
