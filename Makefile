# The cluster of the load tests, on your own machine: loadtest/cluster; and AWS: infrastructure/README.md. Everything else is an
# npm script.
.DEFAULT_GOAL := help
.PHONY: help cluster deploy validate loadtest logs clean gitops plan apply kubeconfig port-forward-grafana
ENVIRONMENT ?= dev
PLANNED = .cache/infrastructure-planned

help: ## this list
	@sed -nE 's/^([a-z-]+): ## (.*)/  make \1@\2/p' $(MAKEFILE_LIST) | column -t -s @

cluster: ## three nodes of kind, metrics-server
	loadtest/cluster/create.sh

deploy: ## this checkout's image and k8s/overlays/local
	loadtest/cluster/deploy.sh

validate: ## nodes, DNS, endpoints, routes
	loadtest/cluster/validate.sh

loadtest: ## k6; SCENARIO, RATE and the like as in loadtest/README.md
	loadtest/cluster/loadtest.sh $(SCENARIO)

gitops: ## Argo CD and all that production has, checked on the cluster that KUBECONFIG names
	.ci/cluster

logs: ## what went wrong
	loadtest/cluster/logs.sh

clean: ## the cluster goes
	loadtest/cluster/clean.sh

plan: ## what Terraform would change in ENVIRONMENT (dev); STATE_BUCKET, AWS_REGION as in infrastructure/README.md
	@NAMES=$(ENVIRONMENT) .github/scripts/plan-infrastructure $(PLANNED); status=$$?; \
	cat $(PLANNED)/results/$(ENVIRONMENT).plan; exit $$status

apply: ## what make plan has shown, as it is
	@.github/scripts/apply-plan $(PLANNED)/plans $(ENVIRONMENT)

kubeconfig: ## kubectl to the EKS cluster EKS_CLUSTER
	aws eks update-kubeconfig --name $${EKS_CLUSTER:?} --region $${AWS_REGION:?}

port-forward-grafana: ## Grafana of that cluster at http://localhost:3000
	kubectl --namespace monitoring port-forward service/kube-prometheus-stack-grafana 3000:80
