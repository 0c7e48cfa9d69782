"""Policies by which a cloud trusts the jobs of one repository: two roles, a bucket, no secret."""
