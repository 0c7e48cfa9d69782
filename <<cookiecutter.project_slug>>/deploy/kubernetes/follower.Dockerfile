# The follower with GitHub's command line, which verifies signatures: see README.md, "Signed images only".
#
#     docker build --build-arg IMAGE=ghcr.io/OWNER/NAME@sha256:DIGEST --file follower.Dockerfile --tag OWN_NAME .
ARG IMAGE
FROM golang:1.26-bookworm AS gh
# Go compares what it downloads with its public log of checksums.
RUN CGO_ENABLED=0 go install github.com/cli/cli/v2/cmd/gh@v2.92.0

FROM ${IMAGE}
COPY --from=gh /go/bin/gh /usr/local/bin/gh
