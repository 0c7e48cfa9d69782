"""Run deploy/kubernetes of a generated project on a real cluster, and break it on purpose."""
