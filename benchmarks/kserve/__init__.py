"""Run deploy/kserve of a generated project under KServe's own controller, and break it."""
