mock_provider "aws" {
  mock_resource "aws_db_instance" {
    defaults = {
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-one" }]
    }
  }

  mock_resource "aws_ecr_repository" {
    defaults = {
      arn = "arn:aws:ecr:eu-central-1:123456789012:repository/cv-inference-production"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/cv-inference-production"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-central-1:123456789012:log-group:flow-logs"
    }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:123456789012:key/one"
    }
  }

  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::one"
    }
  }

  mock_resource "aws_security_group" {
    defaults = {
      id = "sg-1"
    }
  }
}

override_data {
  target = data.aws_caller_identity.this
  values = {
    account_id = "123456789012"
  }
}

override_data {
  target = module.network.data.aws_availability_zones.this
  values = {
    names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  }
}

variables {
  github_repository = "owner/name"
}

run "its_parts_fit_and_carry_its_name" {
  assert {
    condition     = output.models_uri == "s3://cv-inference-production-models-123456789012/models"
    error_message = "models_uri is ${output.models_uri}."
  }

  assert {
    condition     = output.mlflow_artifacts_uri == "s3://cv-inference-production-mlflow-123456789012/mlflow"
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
