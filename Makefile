# make alone lists the targets.
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/lull
	CGO_ENABLED=0 go build -trimpath -o bin/lull ./cmd/lull

demo: ## show the whole idea in half a minute
	go run ./cmd/lull demo

test: ## everything that must pass before a change lands
	./test

quick: ## the tests with a short storm, without staticcheck
	./test quick

storm: ## the storm, for five minutes
	go test -race -run TestStorm -timeout 30m ./internal/storm -storm 5m

bench: ## print the table of docs/benchmarks.md
	go run ./bench

vendor-page: ## fetch the chart library that lulld's page embeds
	./internal/page/vendor.sh

.PHONY: help build demo test quick storm bench vendor-page
