# lulld in an image with nothing else, as a user who is nobody.
#
#   docker build -t lulld .
#   docker run -p 127.0.0.1:5855:5855 -e LULL_STORE=postgres://lull@db/app -v lulld:/var/lib/lulld lulld
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/lull ./cmd/lulld

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/lull /out/lulld /usr/bin/
USER nonroot
EXPOSE 5855
HEALTHCHECK CMD ["/usr/bin/lull", "status", "--store", "http://127.0.0.1:5855"]
# Tokens must be made first: lulld token create. TLS is the business of --tls-cert, or of a
# proxy in front.
ENTRYPOINT ["/usr/bin/lulld", "--listen", "0.0.0.0:5855"]
CMD ["--allow-plain-http"]
