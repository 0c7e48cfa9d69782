# The follower with GitHub's command line, which verifies signatures: see README.md, "Signed images only".
#
#     docker build --build-arg IMAGE=ghcr.io/OWNER/NAME@sha256:DIGEST --file follower.Dockerfile --tag OWN_NAME .
#
# Not built by the template's tests. GH is the version of https://github.com/cli/cli, 2.67 or newer.
ARG IMAGE
FROM golang:1.26-bookworm AS gh
ARG GH=v2.67.0
# Go compares what it downloads with its public log of checksums.
RUN CGO_ENABLED=0 go install "github.com/cli/cli/v2/cmd/gh@${GH}"

FROM ${IMAGE}
COPY --from=gh /go/bin/gh /usr/local/bin/gh
