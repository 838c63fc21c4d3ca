# The cluster of the load tests, on your own machine: loadtest/cluster. Everything else is an npm script.
.PHONY: cluster deploy validate loadtest logs clean gitops

cluster: ## three nodes, gateway, metrics-server
	loadtest/cluster/create.sh

deploy: ## this checkout's image and k8s/overlays/local
	loadtest/cluster/deploy.sh

validate: ## nodes, DNS, endpoints, routes
	loadtest/cluster/validate.sh

loadtest: ## k6; SCENARIO, RATE and the like as in loadtest/README.md
	loadtest/cluster/loadtest.sh $(SCENARIO)

gitops: ## Argo CD, which deploys HEAD; not after deploy
	loadtest/cluster/gitops/install.sh

logs: ## what went wrong
	loadtest/cluster/logs.sh

clean:
	loadtest/cluster/clean.sh
