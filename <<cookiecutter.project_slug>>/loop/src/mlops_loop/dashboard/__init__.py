"""What production does, on one static page: without a network, a server or a build step."""
