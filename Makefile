SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PROVIDER := terraform-provider-platform-orchestrator
# Scripts find what cargo built here, wherever the user's own settings would put it.
export CARGO_TARGET_DIR := $(CURDIR)/target
# No file of the user's decides what Terraform does here.
export TF_CLI_CONFIG_FILE := /dev/null

# The Terraform or OpenTofu on the PATH, else an OpenTofu of our own.
CLI = "$$(command -v terraform || command -v tofu || tools/build tofu)"
# What the sandbox's small EKS is made of. The one that a machine may refuse comes first.
EKS := aws etcd aws-iam-authenticator kube-apiserver kubectl
# A folder with hashicorp/aws, as `terraform providers mirror` lays it out; the tests that need it are ignored without.
MIRRORS := $(HOME)/.terraform.d/plugins /usr/local/share/terraform/plugins /usr/share/terraform/plugins $(wildcard /opt/*)
export TF_PLUGIN_MIRROR ?= $(firstword $(foreach mirror,$(MIRRORS),$(if $(wildcard $(mirror)/registry.terraform.io/hashicorp/aws),$(mirror))))
# What `make release` builds for: a Rust target triple, this machine's unless given.
TARGET ?= $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

.PHONY: help
help: ## Show what one can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: need-rust need-python ## Watch runners being made, changed and checked, on a stand-in of the Orchestrator and a small EKS
	@for part in $(EKS); do tools/build "$$part" >/dev/null; done
	cargo build --workspace --bins --locked
	@demo/run $(CLI) target/debug

.PHONY: test
test: need-rust need-python ## Run all tests, with real Terraform (where it is on the PATH), real OpenTofu and a small EKS
	@for part in $(EKS); do tools/build "$$part" >/dev/null; done
	TOFU="$${TOFU:-$$(tools/build tofu)}" cargo test --workspace --locked --no-fail-fast

.PHONY: lint
lint: need-rust ## Check format, lints, documentation, licences, examples and that docs/ is up to date
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	# What is released is built without what the tests and the sandbox ask of shared crates.
	cargo clippy --bins --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	"$$(tools/build cargo-deny)" --locked check --hide-inclusion-graph bans licenses sources
	$(CLI) fmt -check -diff -recursive examples
	$(CLI) fmt -check -diff demo
	cargo build --workspace --bins --locked
	@tools/docs $(CLI) target/docs
	@diff -r docs target/docs || { echo "docs/ is stale: run 'make docs' and commit what it changes." >&2; exit 1; }

.PHONY: docs
docs: need-rust ## Write docs/ anew from the provider's schema, templates/ and examples/
	cargo build --workspace --bins --locked
	@tools/docs $(CLI) docs

.PHONY: bench
bench: need-rust need-python ## Measure the release build and print each figure next to its target (Linux)
	@for part in $(EKS); do tools/build "$$part" >/dev/null; done
	cargo build --release --bins --locked
	cargo bench --package sandbox --bench figures --locked -- target/release/$(PROVIDER) target/release/eks-runner $(CLI)

.PHONY: release
release: need-rust need-python ## Pack a release build for TARGET in target/dist, with checksums
	cargo build --release --bins --locked --target $(TARGET)
	tools/release zip $(TARGET) "$$(tools/platform $(TARGET))" "$$(tools/version)"
	tools/release sums "$$(tools/version)"

.PHONY: install
install: need-rust ## Put a release build where your Terraform and OpenTofu find it (~/.terraform.d/plugins), and eks-runner beside cargo
	cargo build --release --bins --locked
	cargo install --path . --bin eks-runner --locked
	@tools/mirror target/release/$(PROVIDER) "$$HOME/.terraform.d/plugins"

.PHONY: tools
tools: need-rust need-python ## Build all that the other commands need from outside, so that they need not later
	@for tool in $(EKS) tofu tfplugindocs cargo-deny; do tools/build "$$tool"; done

.PHONY: yaml-table
yaml-table: ## Write tests/yaml/table.json anew: what octl reads from a YAML file, made with the library that it uses
	@tools/require go
	cd tests/yaml && go run -mod=readonly . > table.json.new
	mv tests/yaml/table.json.new tests/yaml/table.json

.PHONY: need-rust need-python
need-rust:
	@tools/require cargo cc
need-python:
	@tools/require python3
