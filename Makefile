SHELL := bash
# Make 3.81 of macOS ignores this: a loop needs its own `|| exit 1`.
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PROVIDER := terraform-provider-platform-orchestrator
# Scripts find cargo's output here, whatever the user's own settings say.
export CARGO_TARGET_DIR := $(CURDIR)/target
# A machine that cannot download the toolchain of rust-toolchain.toml uses its own, which must be as new.
ifeq ($(shell rustc --version 2>/dev/null),)
export RUSTUP_TOOLCHAIN := stable
endif
# The user's Terraform configuration does not apply here.
export TF_CLI_CONFIG_FILE := /dev/null
# Many tests wait for a timeout, which needs no processor.
export RUST_TEST_THREADS ?= 4

# The Terraform or OpenTofu on the PATH, else an OpenTofu of our own.
CLI = "$$(command -v terraform || command -v tofu || tools/build tofu)"
# The documentation has list resources and actions, which only Terraform 1.14 reads from the schema.
DOCS_CLI = "$$(tools/build terraform)"
# The parts of the sandbox's small EKS. The one that can fail for lack of a Debian package comes first.
EKS := aws etcd aws-iam-authenticator kube-apiserver kubectl kube-controller-manager kube-scheduler kwok
# A directory with hashicorp/aws, in the layout of `terraform providers mirror`; without it, the tests that need it are ignored.
MIRRORS := $(HOME)/.terraform.d/plugins /usr/local/share/terraform/plugins /usr/share/terraform/plugins $(wildcard /opt/*)
export TF_PLUGIN_MIRROR ?= $(firstword $(foreach mirror,$(MIRRORS),$(if $(wildcard $(mirror)/registry.terraform.io/hashicorp/aws),$(mirror))))
# This machine's Rust target triple, and what `make release` builds for.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TARGET ?= $(HOST)
# Where cargo installs commands.
CARGO_BIN := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: need-rust eks ## Create, change, and check runners on a stand-in of the Orchestrator and a small EKS
	cargo build --workspace --bins --locked
	@demo/run $(CLI) target/debug

.PHONY: test
test: need-rust eks xmlschema ## Run all tests, with real Terraform (if it is on the PATH), real OpenTofu, and a small EKS
	TOFU="$${TOFU:-$$(tools/build tofu)}" TERRAFORM_1_14="$${TERRAFORM_1_14:-$$(tools/build terraform)}" cargo test --workspace --locked --no-fail-fast

.PHONY: check
check: need-rust ## Check format and lints and run the unit and plugin tests: the quick loop after a change
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --lib --bins --locked
	cargo test --workspace --test rpc --test architecture --locked

.PHONY: oracles
oracles: ## Generate the tables in tests/oracles/ from the real programs and libraries (needs Go, Python, and Terraform)
	@tools/require go python3 terraform
	for oracle in tests/oracles/*/go.mod; do (cd "$$(dirname "$$oracle")" && CGO_ENABLED=0 go run -mod=readonly . >table.json.new && mv table.json.new table.json) || exit 1; done
	python=$$(tools/build aws)/bin/python && export TOFU="$${TOFU:-$$(tools/build tofu)}" && cd tests/oracles/s3-backend && "$$python" generate.py >table.json.new && mv table.json.new table.json

.PHONY: lint
lint: need-rust need-python ## Check format, lints, documentation, licenses, examples, the scripts of a release, other platforms whose Rust target is installed, and that docs/ is up to date
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	# What is released is built without what the tests and the sandbox ask of shared crates.
	cargo clippy --bins --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	"$$(tools/build cargo-deny)" --locked check --hide-inclusion-graph bans licenses sources
	$(CLI) fmt -check -diff -recursive examples
	$(CLI) fmt -check -diff demo
	"$$(tools/build actionlint)" -shellcheck= -pyflakes= .github/workflows/*.yml
	tools/test-scripts
	@tools/release check
	cargo build --workspace --bins --locked
	@tools/docs $(DOCS_CLI) target/docs
	@diff -r docs target/docs || { echo "docs/ is stale: run 'make docs' and commit what it changes." >&2; exit 1; }

.PHONY: docs
docs: need-rust ## Generate docs/ from the provider's schema, templates/, and examples/
	cargo build --workspace --bins --locked
	@tools/docs $(DOCS_CLI) docs

.PHONY: bench
bench: need-rust eks ## Measure the release build (with BASE=COMMIT, beside that commit's) and print each figure next to its target (Linux)
	cargo build --release --bins --locked
	@if [[ -n "$(BASE)" ]]; then tools/base "$(BASE)" $(PROVIDER); fi
	TERRAFORM_1_14="$${TERRAFORM_1_14:-$$(tools/build terraform)}" cargo bench --package sandbox --bench figures --locked -- target/release/$(PROVIDER) target/release/eks-runner $(CLI) $(if $(BASE),target/base/release/$(PROVIDER))

.PHONY: release
release: need-rust need-python ## Pack a release build for TARGET in target/dist, with an SBOM, checksums, and with GPG_KEY, signatures
	tools/release build $(TARGET)
	tools/release sbom
	tools/release describe

.PHONY: release-all
release-all: need-rust need-python ## Pack and inspect a release for each target in tools/targets whose Rust target is installed
	tools/release all

.PHONY: test-release
test-release: need-rust need-python ## Build twice and compare, and install a signed release from a local registry
	tools/test-release reproducible
	TOFU="$${TOFU:-$$(tools/build tofu)}" tools/test-release registry

.PHONY: install
install: need-rust need-python ## Install the package of a release build in ~/.terraform.d/plugins, and eks-runner beside cargo
	tools/release build $(HOST) --for-install
	@tools/mirror target/dist/$(PROVIDER)_$$(tools/version)_$$(tools/platform).zip "$$HOME/.terraform.d/plugins"
	@mkdir -p "$(CARGO_BIN)" && install -m 755 target/$(HOST)/release/eks-runner "$(CARGO_BIN)/eks-runner" && echo "$(CARGO_BIN)/eks-runner"

.PHONY: eks
eks: need-python ## Build the parts of the small EKS that the tests start
	@for part in $(EKS); do tools/build "$$part" >/dev/null || exit 1; done

.PHONY: xmlschema
xmlschema: need-python ## Build what validates the JUnit reports of eks-runner
	@tools/build xmlschema >/dev/null

.PHONY: tools
tools: need-rust need-python ## Build every external tool that the other commands need
	@for tool in $(EKS) xmlschema tofu terraform tfplugindocs cargo-deny actionlint; do tools/build "$$tool" || exit 1; done

.PHONY: need-rust need-python
need-rust:
	@tools/require cargo cc
need-python:
	@tools/require python3
