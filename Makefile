# The cluster of the load tests, on your own machine: loadtest/cluster. Everything else is an npm script.
.DEFAULT_GOAL := help
.PHONY: help cluster deploy validate loadtest logs clean gitops

help: ## this list
	@sed -nE 's/^([a-z]+): ## (.*)/  make \1@\2/p' $(MAKEFILE_LIST) | column -t -s @

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
