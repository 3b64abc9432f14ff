# Go is the only thing these targets need, `deploy` (AWS SAM) apart.
# `sam build` calls the build-<LogicalId> targets itself.

GO        ?= go
STAGE     ?= dev
ARCH      ?= arm64
OUT       := .aws-sam/build
LINT      := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2
LAMBDA    := -tags lambda.norpc -trimpath -ldflags "-s -w -buildid="

# Logical id in template.yaml = directory of its main.go.
FUNCTIONS := OnboardingTrigger=functions/onboarding/trigger OnboardingSteps=functions/onboarding/steps \
             OffboardingTrigger=functions/offboarding/trigger OffboardingSteps=functions/offboarding/steps \
             AccessRequestTrigger=functions/accessrequest/trigger AccessRequestSteps=functions/accessrequest/steps \
             RoleChangeTrigger=functions/rolechange/trigger RoleChangeSteps=functions/rolechange/steps \
             RecertificationTrigger=functions/rolechange/trigger EntitlementsApi=functions/entitlements/api \
             RulesChangeTrigger=functions/entitlements/change RulesChangeSteps=functions/entitlements/steps \
             CredentialResetTrigger=functions/credentialreset/trigger CredentialResetSteps=functions/credentialreset/steps \
             ApprovalsTrigger=functions/approvals/trigger ApprovalsSteps=functions/approvals/steps \
             StateSyncTrigger=functions/statesync/trigger StateSyncSteps=functions/statesync/steps StateSyncPoller=functions/statesync/poller \
             SecurityAlertHook=functions/securityalert/hook SecurityAlertIntake=functions/securityalert/intake \
             SecurityAlertPoller=functions/securityalert/poller SecurityAlertSteps=functions/securityalert/steps \
             SecurityAlertStream=functions/securityalert/stream \
             AuditApi=functions/audit/api AuditArchive=functions/audit/archive \
             AccessReviewTrigger=functions/accessreview/trigger AccessReviewSteps=functions/accessreview/steps \
             AccessReviewTaskTrigger=functions/accessreview/taskhook \
             Sweep=functions/sweep/steps
IDS       := $(foreach f,$(FUNCTIONS),$(firstword $(subst =, ,$(f))))
directory  = $(lastword $(subst =, ,$(filter $(1)=%,$(FUNCTIONS))))

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: ## Play the sample tickets through the whole system, in this process; fails unless every end state is right
	@$(GO) run ./shared/local/demo

.PHONY: run
run: ## The same, and keep serving: webhooks, both simulated systems
	@$(GO) run ./shared/local/demo -serve

.PHONY: explain
explain: ## What the rules give to somebody of the simulated company, and by which: make explain USER=nina.kovacs@example.com
	@$(GO) run ./shared/local/explain -user "$(USER)"

.PHONY: what-if
what-if: ## What a changed rules document would do to the simulated company: make what-if RULES=rules.json
	@$(GO) run ./shared/local/explain -candidate "$(RULES)"

.PHONY: audit-verify
audit-verify: ## Prove an export by itself, or have a stack verify ledger and archive: make audit-verify EXPORT=file.ndjson | API=https://...
	@$(GO) run ./shared/local/verify $(if $(API),-api "$(API)" $(if $(ASK),-ask '$(ASK)'),$(if $(PART),-part )"$(EXPORT)")

.PHONY: audit-export
audit-export: ## Export a period of a stack's ledger: make audit-export API=https://... EXPORT=file.ndjson ASK='{"format":"ndjson","from":"2026-11-01","to":"2026-11-30"}'
	@$(GO) run ./shared/local/verify -api "$(API)" -ask '$(ASK)' -export "$(EXPORT)"

.PHONY: test
test: ## All tests
	$(GO) test -timeout 40m ./...

# One story of each process, end to end: the others run the same code on the same virtual time.
STORIES := ^Test(Onboarding|Offboarding|AccessRequest|RoleChange|AccessReviewCampaign|CredentialResets|SyncFromOkta|AnAlertBecomesOneIncident|Load)$$

.PHONY: race
race: ## Tests under the race detector: all packages, the long tests left out, and a story of each process
	$(GO) test -race -short -timeout 20m $$($(GO) list ./... | grep -v /shared/local/e2e)
	$(GO) test -race -short -timeout 20m -run '$(STORIES)' ./shared/local/e2e

.PHONY: browser
browser: ## Drive console, report and timeline in a Chromium: CHROMIUM=path, AXE_CORE=path of axe.min.js, SCREENSHOTS=directory
	LIFECYCLE_BROWSER=1 $(GO) test -count=1 -run Browser -v ./shared/local/console/ ./shared/report/

.PHONY: lint
lint: ## golangci-lint and go vet
	$(LINT) run ./...
	$(GO) vet ./...

.PHONY: bench
bench: ## Benchmarks: cold starts, rules, ledger
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: validate
validate: ## Template and state machines: every name they use exists
	$(GO) test -count=1 -run 'Template|Machines' ./shared/local/...

.PHONY: build
build: $(IDS:%=$(OUT)/%/bootstrap) ## One stripped linux/arm64 bootstrap per function, where `sam build` puts it

.PHONY: FORCE
$(OUT)/%/bootstrap: FORCE
	@$(MAKE) --no-print-directory build-$* ARTIFACTS_DIR=$(OUT)/$*

# One target per function, the name that AWS SAM's makefile builder asks for.
.PHONY: $(IDS:%=build-%)
$(IDS:%=build-%): build-%:
	CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build $(LAMBDA) -o "$(ARTIFACTS_DIR)/bootstrap" ./$(call directory,$*)

.PHONY: deploy
deploy: ## Build and deploy with AWS SAM: make deploy STAGE=dev|staging|prod
	sam build
	sam deploy --config-env $(STAGE)
