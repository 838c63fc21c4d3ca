mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name              = "cv-inference"
  environment       = "dev"
  github_repository = "owner/name"
  cidr              = "10.10.0.0/16"
  nat               = "single"
  capture_days      = 7
  database_class    = "db.t4g.micro"
  multi_az          = false
  backup_days       = 1
  disposable        = true
  cluster_nodes     = 2
}

run "its_parts_fit_and_carry_its_name" {
  assert {
    condition     = output.models_uri == "s3://cv-inference-dev-models-123456789012/models"
    error_message = "models_uri is ${output.models_uri}."
  }

  assert {
    condition     = output.mlflow_artifacts_uri == "s3://cv-inference-dev-mlflow-123456789012/mlflow"
    error_message = "mlflow_artifacts_uri is ${output.mlflow_artifacts_uri}."
  }

  assert {
    condition     = length(output.private_subnet_ids) == 3
    error_message = "There are not three zones."
  }
}

run "what_is_handed_to_workloads_has_no_wildcards" {
  assert {
    condition = alltrue([
      for statement in flatten([for policy in [output.service_policy, output.node_policy, output.mlflow_policy] : jsondecode(policy).Statement]) :
      !strcontains(join(" ", statement.Action), "*") && !contains(statement.Resource, "*") || statement.Action == ["ecr:GetAuthorizationToken"]
    ])
    error_message = "A policy grants everything."
  }
}

run "tags_release_images_and_models_within_the_boundary" {
  assert {
    condition     = module.release.subjects == ["repo:owner/name:ref:refs/tags/v*"]
    error_message = "Other jobs release."
  }

  assert {
    condition = (
      module.release.policies == { images = module.registry.push_policy, models = module.storage.release_policy } &&
      length(module.release.managed_policy_arns) == 0 &&
      module.release.permissions_boundary_arn == "arn:aws:iam::123456789012:policy/cv-inference-boundary"
    )
    error_message = "Jobs that release may do something else."
  }
}

run "main_trains_on_captures_within_the_boundary" {
  assert {
    condition     = module.training.subjects == ["repo:owner/name:ref:refs/heads/main"]
    error_message = "Other jobs train."
  }

  assert {
    condition = (
      module.training.policies == { data = module.storage.training_policy } &&
      length(module.training.managed_policy_arns) == 0 &&
      module.training.permissions_boundary_arn == "arn:aws:iam::123456789012:policy/cv-inference-boundary"
    )
    error_message = "Jobs that train may do something else."
  }
}

run "there_is_no_cluster_unless_one_is_asked_for" {
  assert {
    condition     = output.cluster == null && length(module.eks) == 0
    error_message = "There is a cluster."
  }
}

run "an_eks_cluster_carries_its_name_and_is_found_by_the_network" {
  variables {
    cluster            = "eks"
    cluster_admin_arns = ["arn:aws:iam::123456789012:role/admin"]
  }

  assert {
    condition     = output.cluster.name == "cv-inference-dev" && output.cluster.interruption_queue == "cv-inference-dev-interruptions"
    error_message = "The cluster is ${output.cluster.name}."
  }

  assert {
    condition = output.cluster.workloads == {
      service = {
        pods   = ["cv-inference/cv-inference", "cv-inference-gpu/cv-inference", "cv-inference-staging/cv-inference"]
        policy = module.storage.service_policy
      }
      mlflow = { pods = ["cv-inference/cv-inference-mlflow"], policy = module.mlflow.server_policy }
      train  = { pods = ["cv-inference/cv-inference-training"], policy = module.storage.training_policy }
    }
    error_message = "Pods may do something else: ${jsonencode(output.cluster.workloads)}"
  }
}

run "refuses_another_kind_of_cluster" {
  command = plan

  variables {
    cluster = "kops"
  }

  expect_failures = [var.cluster]
}

run "refuses_a_cluster_without_a_way_to_the_internet" {
  command = plan

  variables {
    cluster            = "eks"
    cluster_admin_arns = ["arn:aws:iam::123456789012:role/admin"]
    nat                = "none"
  }

  expect_failures = [var.cluster]
}

run "refuses_a_cluster_that_nobody_administers" {
  command = plan

  variables {
    cluster = "eks"
  }

  expect_failures = [var.cluster]
}

run "refuses_a_single_node" {
  command = plan

  variables {
    cluster_nodes = 1
  }

  expect_failures = [var.cluster_nodes]
}

run "refuses_wrong_networks_and_administrators" {
  command = plan

  variables {
    cluster_admin_arns  = ["admin"]
    cluster_api_cidrs   = ["everybody"]
    load_balancer_cidrs = ["everybody"]
  }

  expect_failures = [var.cluster_admin_arns, var.cluster_api_cidrs, var.load_balancer_cidrs]
}

run "refuses_a_repository_without_an_owner" {
  command = plan

  variables {
    github_repository = "name"
  }

  expect_failures = [var.github_repository]
}

run "refuses_a_network_that_is_none" {
  command = plan

  variables {
    cidr = "10.0.0.0"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_wrong_environment" {
  command = plan

  variables {
    environment = "../dev"
  }

  expect_failures = [var.environment]
}

run "refuses_a_wrong_nat" {
  command = plan

  variables {
    nat = "double"
  }

  expect_failures = [var.nat]
}

run "refuses_a_wrong_capture_days" {
  command = plan

  variables {
    capture_days = 0.5
  }

  expect_failures = [var.capture_days]
}

run "refuses_a_wrong_database_class" {
  command = plan

  variables {
    database_class = "t4g.micro"
  }

  expect_failures = [var.database_class]
}

run "refuses_a_wrong_backup_days" {
  command = plan

  variables {
    backup_days = 0
  }

  expect_failures = [var.backup_days]
}

run "refuses_a_wrong_name" {
  command = plan

  variables {
    name = "-"
  }

  expect_failures = [var.name]
}
